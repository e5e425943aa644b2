// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess
internal import Mail
internal import RolePromises
internal import Sandbox
internal import Supervisor

/// Looks at private keys before the server starts, in a process of its own that ends at once: whoever starts
/// the server never reads one, nor a passphrase.
struct KeysCheck {
  /// The word behind `-x`.
  static let name = "keys.check"

  /// What the process is told behind that.
  private enum Word: String {
    /// Broken promises are only logged.
    case logged
    /// Ask for passphrases that are not known.
    case ask
    /// Say nothing of keys whose passphrases are not known.
    case overlook
  }

  /// What becomes of a key that no known passphrase decrypts.
  enum Unknown {
    case asked, overlooked, refused
  }

  /// How the promises of keys are held.
  let sandbox: Confinement.Mode
  /// The passphrases that are known. Those that are asked for are written into it.
  let passphrases: PassphraseFile

  /// What is wrong with certificates, keys and authorities.
  func report(
    on source: CertificateSource,
    _ unknown: Unknown
  ) throws(CertificateFault) -> KeysReport {
    let asks = unknown == .asked && !passphrases.isSealed
    if asks { try keep { () throws(PassphraseFileFailure) in try passphrases.prepare() } }
    var source = source
    source.passphrases = passphrases.descriptor
    if asks, PassphraseQuestion.hasTerminal {
      // Nobody types a passphrase for a start that something else forbids.
      let report = try ask(try CertificateDesk(source), .overlooked)
      guard report.faults.isEmpty else { return report }
    }
    let desk = try CertificateDesk(source)
    let report = try ask(desk, unknown == .asked && !asks ? .refused : unknown)
    if asks { try keep { () throws(PassphraseFileFailure) in try passphrases.seal() } }
    return report
  }

  private func keep(_ step: () throws(PassphraseFileFailure) -> Void) throws(CertificateFault) {
    do throws(PassphraseFileFailure) {
      try step()
    } catch {
      throw CertificateFault("passphrases cannot be kept: \(error.reason)")
    }
  }

  private func ask(
    _ desk: CertificateDesk,
    _ unknown: Unknown
  ) throws(CertificateFault) -> KeysReport {
    let channel: SupervisorChannel
    let process: Int32
    do {
      let (ours, theirs) = try SupervisorChannel.makePair()
      defer { theirs.close() }
      var words: [Word] = sandbox == .logged ? [.logged] : []
      switch unknown {
      case .asked: words.append(.ask)
      case .overlooked: words.append(.overlook)
      case .refused: break
      }
      var program = Program(
        path: Program.ourselves,
        arguments: ["smtpd", "-x", KeysCheck.name] + words.map(\.rawValue)
      )
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

  /// The process that looks: takes the files, asks where it is to, tells what is wrong, and ends. It may do
  /// what keys may, and where it asks change the modes of the terminal that it has opened before.
  ///
  /// - Parameter texts: what stands behind `name`.
  static func run(_ texts: [String]) -> Never {
    let words = Set(texts.compactMap(Word.init(rawValue:)))
    let channel = SupervisorChannel(descriptor: SupervisorChannel.inheritedDescriptor)
    let question =
      words.contains(.ask) ? PassphraseQuestion(companion: channel.descriptor) : nil
    do throws(SandboxError) {
      _ = try Sandbox.enter(
        Confinement(
          name: name,
          promises: question == nil
            ? RolePromises.stated(by: .keys).words : RolePromises.asking,
          openFiles: RolePromises.openFiles(of: .keys)?.most([:]),
          mode: words.contains(.logged) ? .logged : .enforced
        )
      )
    } catch {
      RoleProcess.die("\(name): sandbox: \(error)")
    }
    var renewal: KeyRenewal?
    repeat {
      guard let (bytes, descriptors) = try? channel.receive(.blocking) else { exit(1) }
      var reader = ByteReader(bytes)
      switch try? SupervisorToRole(decoding: &reader) {
      case .certificates where (1...2).contains(descriptors.count):
        let file = descriptors.dropFirst().first
        renewal = KeyRenewal(descriptors[0], passphrases(in: file, words, question))
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
    // Passphrases are overwritten.
    renewal = nil
    var writer = ByteWriter()
    RoleToSupervisor.keysChecked(report).encode(into: &writer)
    try? channel.send(writer.finish(), .blocking)
    exit(0)
  }

  private static func passphrases(
    in file: CInt?,
    _ words: Set<Word>,
    _ question: PassphraseQuestion?
  ) -> Passphrases {
    let known = file.flatMap(PassphraseFile.read) ?? []
    if let question, let file {
      return Passphrases(known, otherwise: .asked(question, file: file))
    }
    guard !words.contains(.overlook) else { return Passphrases(known, otherwise: .overlooked) }
    let reason =
      words.contains(.ask)
      ? "and there is no terminal to ask for its passphrase" : "and no passphrase decrypts it"
    return Passphrases(
      known,
      otherwise: .refused(
        "the key is encrypted, \(reason): start smtpd from a terminal, or decrypt the key with openssl pkey"
      )
    )
  }
}
