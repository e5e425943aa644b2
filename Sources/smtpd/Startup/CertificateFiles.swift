// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Host
internal import Interprocess
internal import Supervisor
internal import TLS

/// The files of `pki` and `ca`: opened and checked here, private keys never read.
struct CertificateFiles: Sendable {
  /// What nobody but the owner may do with a certificate, and with a key.
  private enum Forbidden {
    static let certificate: UInt32 = 0o7777 & ~0o755
    static let key: UInt32 = 0o7777 & ~0o740
  }

  /// Where systems keep the trust anchors of everybody; the first that is there counts.
  private static let systemAnchors = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
  ]

  private let pkis: [PKI]
  private let authorities: [CertificateAuthority]
  private let uid: UInt32
  /// Who shows each `pki`.
  private let users: [String: CertificatePackage.Users]

  /// - Parameter uid: whose files are good besides those of root.
  init(_ configuration: ServerConfiguration, uid: UInt32) {
    pkis = configuration.pkis
    authorities = configuration.authorities
    self.uid = uid
    var users: [String: CertificatePackage.Users] = [:]
    for name in configuration.listeners.flatMap(\.options.security.certificates) {
      users[name, default: []].insert(.listeners)
    }
    for action in configuration.actions {
      guard case .relay(let relay) = action.method, let name = relay.security.certificate else {
        continue
      }
      users[name, default: []].insert(.relays)
    }
    self.users = users
  }

  /// Files that are only looked at: nobody shows them yet.
  init(of pkis: [PKI], _ authorities: [CertificateAuthority], uid: UInt32) {
    self.pkis = pkis
    self.authorities = authorities
    self.uid = uid
    users = [:]
  }

  /// There is nothing to look at.
  var isEmpty: Bool { pkis.isEmpty && authorities.isEmpty }

  /// Every file that is not there, or is not good by its owner, its mode or its size.
  var faults: [TLSJudge.FileFault] {
    var faults: [TLSJudge.FileFault] = []
    func note(
      _ file: TLSJudge.File,
      _ look: () throws(CertificateFault) -> Void
    ) {
      do throws(CertificateFault) {
        try look()
      } catch {
        faults.append(.init(file, reason: error.reason))
      }
    }
    for pki in pkis {
      note(.certificate(pki.name)) { () throws(CertificateFault) in _ = try content(pki.certificate)
      }
      note(.key(pki.name)) { () throws(CertificateFault) in
        _ = try open(pki.key, forbidden: Forbidden.key)
      }
    }
    for authority in authorities {
      note(.authority(authority.name)) { () throws(CertificateFault) in
        _ = try content(authority.certificate)
      }
    }
    return faults
  }

  var source: CertificateSource {
    CertificateSource(
      read: { read($0) },
      openKeys: { (package: inout CertificatePackage) throws(CertificateFault) in
        try openKeys(of: &package)
      },
      files: {
        let paths = pkis.flatMap { [$0.certificate, $0.key] } + authorities.map(\.certificate)
        return paths.map(CertificateFiles.facts)
      }
    )
  }

  private static func facts(of path: String) -> CertificateSource.FileFacts {
    var result = CertificateSource.FileFacts()
    var facts = stat()
    // The path is read, and the structure written, during the call only.
    guard unsafe stat(path, &facts) == 0 else { return result }
    func nanoseconds(_ time: timespec) -> Int64 {
      Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
    result.device = UInt64(facts.st_dev)
    result.inode = UInt64(facts.st_ino)
    result.modified = nanoseconds(facts.st_mtim)
    result.changed = nanoseconds(facts.st_ctim)
    result.size = Int64(facts.st_size)
    return result
  }

  private func read(_ generation: UInt32) -> CertificatePackage {
    var result = CertificatePackage(generation: generation)
    for pki in pkis {
      var chain = entry(pki.name, pki.certificate)
      chain.exchange = pki.exchange == .none ? .none : .offered
      chain.users = users[pki.name] ?? []
      chain.keyFile = pki.key
      result.chains.append(chain)
    }
    result.anchors = authorities.map { entry($0.name, $0.certificate) }
    for path in CertificateFiles.systemAnchors {
      guard case .success(let bytes) = FileContent.read(path, atMost: Certificates.sizeMax) else {
        continue
      }
      result.systemAnchors = bytes
      break
    }
    return result
  }

  private func entry(_ name: String, _ path: String) -> CertificatePackage.Entry {
    var entry = CertificatePackage.Entry(name: name, content: [])
    entry.file = path
    do throws(CertificateFault) {
      entry.content = try content(path)
    } catch {
      entry.fault = error.reason
    }
    return entry
  }

  private func content(_ path: String) throws(CertificateFault) -> [UInt8] {
    let file = try open(path, forbidden: Forbidden.certificate)
    do throws(TLSError) {
      return try Certificates.read(file.borrow())
    } catch {
      throw CertificateFault("\(path): \(error)")
    }
  }

  private func openKeys(
    of package: inout CertificatePackage
  ) throws(CertificateFault) -> [CInt] {
    var descriptors: [CInt] = []
    do throws(CertificateFault) {
      for (index, pki) in pkis.enumerated() {
        descriptors.append(try openKey(pki, &package.chains[index].keyFault).release())
      }
      return descriptors
    } catch {
      for descriptor in descriptors { close(descriptor) }
      throw error
    }
  }

  private func openKey(
    _ pki: PKI,
    _ fault: inout String
  ) throws(CertificateFault) -> Descriptor {
    do throws(CertificateFault) {
      return try open(pki.key, forbidden: Forbidden.key)
    } catch {
      fault = error.reason
    }
    // A path is read during the call only.
    let nothing = unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard nothing >= 0 else { throw CertificateFault("/dev/null: \(systemError())") }
    return Descriptor(owning: nothing)
  }

  /// Opens a regular file whose owner and mode are good.
  private func open(_ path: String, forbidden: UInt32) throws(CertificateFault) -> Descriptor {
    // A path is read during the call only.
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw CertificateFault("\(path): \(systemError())") }
    let file = Descriptor(owning: number)
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(file.borrow(), &facts) == 0 else {
      throw CertificateFault("\(path): \(systemError())")
    }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw CertificateFault("\(path): not a regular file")
    }
    guard facts.st_uid == 0 || facts.st_uid == uid else {
      throw CertificateFault("\(path): belongs to uid \(facts.st_uid), not to root")
    }
    let mode = facts.st_mode & 0o7777
    guard mode & forbidden == 0 else {
      throw CertificateFault(
        "\(path): mode \(String(mode, radix: 8)) is too open: at most "
          + "\(String(0o7777 & ~forbidden, radix: 8))"
      )
    }
    return file
  }
}
