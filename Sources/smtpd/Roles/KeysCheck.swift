// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Mail
internal import RolePromises
internal import Sandbox
internal import Supervisor

/// Looks at private keys before the server starts, in a process of its own that ends at once: whoever starts
/// the server never reads one.
enum KeysCheck {
  /// The word behind `-x`.
  static let name = "keys.check"
  /// The word behind that where broken promises are only logged.
  private static let logged = "logged"

  /// What is wrong, and with which half of a `pki`.
  struct Fault {
    enum Part {
      case certificate, key
    }

    var part: Part
    var reason: String

    fileprivate init(_ reason: String) {
      part = reason.hasPrefix(KeyRenewal.ofCertificate) ? .certificate : .key
      self.reason = reason
    }
  }

  /// The first fault of a certificate, a key or an authority; nil when all is well.
  ///
  /// - Parameter sandbox: how the promises of keys are held.
  static func fault(in source: CertificateSource, _ sandbox: Confinement.Mode) -> Fault? {
    do throws(CertificateFault) {
      let desk = try CertificateDesk(source)
      return try ask(desk, sandbox).faults.first.map { Fault($0.reason) }
    } catch {
      return Fault(error.reason)
    }
  }

  private static func ask(
    _ desk: CertificateDesk,
    _ sandbox: Confinement.Mode
  ) throws(CertificateFault) -> KeysReport {
    let channel: SupervisorChannel
    let process: Int32
    do {
      let (ours, theirs) = try SupervisorChannel.makePair()
      defer { theirs.close() }
      let words = sandbox == .logged ? [name, logged] : [name]
      var program = Program(path: Program.ourselves, arguments: ["smtpd", "-x"] + words)
      program.environment = ["SWIFT_BACKTRACE=enable=no"]
      program.descriptors = (-1, STDERR_FILENO, STDERR_FILENO, theirs.descriptor)
      channel = ours
      process = try program.start()
    } catch {
      throw CertificateFault("the keys cannot be checked: \(error)")
    }
    defer {
      channel.close()
      var status: CInt = 0
      // The status is written during the call only.
      _ = unsafe waitpid(process, &status, 0)
    }
    try desk.hand(to: .keys) { message, descriptors in
      var writer = ByteWriter()
      message.encode(into: &writer)
      // One that is gone is found out below.
      try? channel.send(writer.finish(), descriptors: descriptors, .blocking)
    }
    guard let (bytes, _) = try? channel.receive(.blocking) else {
      throw CertificateFault("the keys cannot be checked: the process that looks at them ended")
    }
    var reader = ByteReader(bytes)
    guard case .keysChecked(let report)? = try? RoleToSupervisor(decoding: &reader) else {
      throw CertificateFault("the keys cannot be checked: no answer")
    }
    return report
  }

  /// The process that looks: takes the files, tells what is wrong, and ends. It may do what keys may.
  ///
  /// - Parameter words: what stands behind `name`.
  static func run(_ words: [String]) -> Never {
    do throws(SandboxError) {
      _ = try Sandbox.enter(
        Confinement(
          name: name,
          promises: RolePromises.stated(by: .keys).words,
          openFiles: RolePromises.openFiles(of: .keys)?.most([:]),
          mode: words == [logged] ? .logged : .enforced
        )
      )
    } catch {
      RoleProcess.die("\(name): sandbox: \(error)")
    }
    let channel = SupervisorChannel(descriptor: SupervisorChannel.inheritedDescriptor)
    var renewal: KeyRenewal?
    repeat {
      guard let (bytes, descriptors) = try? channel.receive(.blocking) else { exit(1) }
      var reader = ByteReader(bytes)
      switch try? SupervisorToRole(decoding: &reader) {
      case .certificates where descriptors.count == 1: renewal = KeyRenewal(descriptors[0])
      case .keyFiles:
        for descriptor in descriptors {
          let file = Descriptor(owning: descriptor)
          renewal?.take(file.borrow())
        }
      default: exit(1)
      }
      guard renewal != nil else { exit(1) }
    } while renewal?.isComplete == false
    guard let report = renewal?.report(.refused) else { exit(1) }
    var writer = ByteWriter()
    RoleToSupervisor.keysChecked(report).encode(into: &writer)
    try? channel.send(writer.finish(), .blocking)
    exit(0)
  }
}
