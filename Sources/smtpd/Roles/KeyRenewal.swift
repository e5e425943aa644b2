// SPDX-License-Identifier: ISC

internal import Interprocess
internal import TLS

/// Certificates, and the private keys that come for them one after the other.
struct KeyRenewal {
  let generation: UInt32
  private(set) var keys: [KeyName: PrivateKey] = [:]
  /// Who may have each of them sign: everybody who shows one of its certificates.
  private(set) var users: [KeyName: CertificatePackage.Users] = [:]
  /// What is of no use: chains by their places, anchors by those behind.
  private(set) var broken: [UInt16] = []
  /// The first thing that is wrong.
  private(set) var fault: String?
  private let chains: [CertificatePackage.Entry]
  private var position = 0

  /// Takes over the descriptor of a `CertificatePackage`; nil when it is none.
  init?(_ descriptor: CInt) {
    guard let bytes = SealedFile.read(descriptor),
      let package = try? CertificatePackage(decoding: bytes)
    else { return nil }
    generation = package.generation
    chains = package.chains
    for (index, authority) in package.anchors.enumerated() {
      do throws(TLSError) {
        _ = try Certificates.count(in: authority.content)
      } catch {
        found("ca \(authority.name): \(error)", at: chains.count + index)
      }
    }
  }

  private mutating func found(_ text: String, at place: Int) {
    fault = fault ?? text
    broken.append(UInt16(place))
  }

  /// What the supervisor is told.
  func report(_ verdict: KeysReport.Verdict) -> KeysReport {
    KeysReport(generation: generation, verdict, broken: broken, fault: fault ?? "")
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
    do throws(TLSError) {
      let key = try PrivateKey(descriptor: file)
      keys[key.name] = key
      users[key.name, default: []].formUnion(chain.users)
      guard try KeyRenewal.name(of: chain) == key.name else {
        throw TLSError("the key does not match the certificate")
      }
    } catch {
      found("pki \(chain.name): \(error)", at: position - 1)
    }
  }

  /// What a fault of a certificate, and not of its key, begins with.
  static let ofCertificate = "the certificate: "

  private static func name(of chain: CertificatePackage.Entry) throws(TLSError) -> KeyName {
    do throws(TLSError) {
      return try KeyName(ofCertificate: chain.content)
    } catch {
      throw TLSError("\(KeyRenewal.ofCertificate)\(error)")
    }
  }
}
