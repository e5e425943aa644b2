// SPDX-License-Identifier: ISC

internal import Interprocess
internal import KeysEdge
internal import TLS

/// Certificates, and the private keys that come for them one after the other.
struct KeyRenewal {
  let generation: UInt32
  /// The place of the one chain that it is about; nil: of all, and of the anchors.
  let only: Int?
  /// What keys asked for it by; 0: keys did not.
  let token: UInt64
  private(set) var keys: [KeyName: PrivateKey] = [:]
  /// The key at the place of each chain that was looked at, where there is one.
  private(set) var places: [Int: KeyName] = [:]
  /// What is of no use: chains by their places, anchors by those behind.
  private(set) var broken: [UInt16] = []
  /// All that is wrong.
  private(set) var faults: [KeysReport.Fault] = []
  private let chains: [CertificatePackage.Entry]
  /// How many anchors there are.
  private let anchors: Int
  private let passphrases: Passphrases
  private var position = 0

  /// Takes over the descriptor of a `CertificatePackage`; nil when it is none.
  ///
  /// - Parameter passphrases: what encrypted keys are tried with.
  init?(
    _ descriptor: CInt,
    _ passphrases: Passphrases,
    only: Int? = nil,
    token: UInt64 = 0
  ) {
    guard let bytes = SealedFile.read(descriptor),
      let package = try? CertificatePackage(decoding: bytes)
    else { return nil }
    generation = package.generation
    chains = package.chains
    anchors = package.anchors.count
    self.passphrases = passphrases
    self.only = only
    self.token = token
    guard only == nil else { return }
    for (index, authority) in package.anchors.enumerated() {
      let name = "ca \(authority.name)"
      guard authority.fault.isEmpty else {
        found(KeysReport.Fault(name, authority.fault), at: chains.count + index)
        continue
      }
      do throws(TLSError) {
        _ = try Certificates.count(in: authority.content)
      } catch {
        found(
          KeysReport.Fault(name, error.reason, in: KeyRenewal.named([authority.file])),
          at: chains.count + index
        )
      }
    }
  }

  private mutating func found(_ fault: KeysReport.Fault, at place: Int) {
    faults.append(fault)
    if broken.last != UInt16(place) { broken.append(UInt16(place)) }
  }

  /// Those of files that have a name.
  private static func named(_ files: [String]) -> [String] { files.filter { !$0.isEmpty } }

  /// What the supervisor is told.
  func report(_ verdict: KeysReport.Verdict) -> KeysReport {
    KeysReport(generation: generation, verdict, broken: broken, faults: faults)
  }

  /// What there was, once it is complete.
  var outcome: KeyRing.Renewal {
    KeyRing.Renewal(
      generation: generation,
      only: only,
      keys: places,
      users: chains.map(\.users),
      broken: Set(broken),
      count: chains.count + anchors
    )
  }

  /// The names of the `pki` lines.
  var names: [String] { chains.map(\.name) }

  /// Every chain has its key, or something is wrong with it.
  var isComplete: Bool { position == chains.count }

  /// The next key's file, in the order of the chains. It stays open. The key is there though its
  /// certificate be broken: it may be that of the one before.
  mutating func take(_ file: CInt) {
    guard position < chains.count else { return }
    let chain = chains[position]
    position += 1
    guard only == nil || only == position - 1 else { return }
    let certificate = certificate(of: chain)
    let key = key(of: chain, file)
    guard let key else { return }
    keys[key.name] = key
    places[position - 1] = key.name
    guard let certificate, certificate != key.name else { return }
    found(in: chain, "the key does not match the certificate", chain.keyFile, chain.file)
  }

  /// What a fault of a certificate, and not of its key, begins with.
  static let ofCertificate = "the certificate: "

  private mutating func certificate(of chain: CertificatePackage.Entry) -> KeyName? {
    let reason: String
    do throws(TLSError) {
      guard chain.fault.isEmpty else { throw TLSError(chain.fault) }
      let name = try KeyName(ofCertificate: chain.content)
      try KeyRenewal.tryToShow(chain)
      return name
    } catch {
      reason = KeyRenewal.ofCertificate + error.reason
    }
    found(in: chain, reason, chain.fault.isEmpty ? chain.file : "")
    return nil
  }

  private mutating func key(
    of chain: CertificatePackage.Entry,
    _ file: CInt
  ) -> PrivateKey? {
    let reason: String
    do throws(TLSError) {
      guard chain.keyFault.isEmpty else { throw TLSError(chain.keyFault) }
      return try passphrases.key(in: file, of: chain.name, at: chain.keyFile)
    } catch {
      reason = error.reason
    }
    found(in: chain, reason, chain.keyFault.isEmpty ? chain.keyFile : "")
    return nil
  }

  private mutating func found(
    in chain: CertificatePackage.Entry,
    _ reason: String,
    _ files: String...
  ) {
    let fault = KeysReport.Fault("pki \(chain.name)", reason, in: KeyRenewal.named(files))
    found(fault, at: position - 1)
  }

  /// Does what frontend and delivery will do with it: the library refuses short keys and weak digests, and
  /// whoever has such a certificate could make no handshake.
  private static func tryToShow(_ chain: CertificatePackage.Entry) throws(TLSError) {
    try TLSContext(.init(.server)).use(chain: chain.content)
  }
}
