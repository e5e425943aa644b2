// SPDX-License-Identifier: ISC

internal import Interprocess
internal import TLS

/// Certificates, and the private keys that come for them one after the other.
struct KeyRenewal {
  let generation: UInt32
  private(set) var keys: [KeyName: PrivateKey] = [:]
  /// Who may have each of them sign: everybody who shows one of its certificates.
  private(set) var users: [KeyName: CertificatePackage.Users] = [:]
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
    for authority in package.anchors {
      do throws(TLSError) {
        _ = try Certificates.count(in: authority.content)
      } catch {
        fault = fault ?? "ca \(authority.name): \(error)"
      }
    }
  }

  /// The names of the `pki` lines.
  var names: [String] { chains.map(\.name) }

  /// Every chain has its key, or something is wrong with it.
  var isComplete: Bool { position == chains.count }

  /// The next key's file, in the order of the chains. It stays open.
  mutating func take(_ file: CInt) {
    guard position < chains.count else { return }
    let chain = chains[position]
    position += 1
    do throws(TLSError) {
      let name = try KeyRenewal.name(of: chain)
      let key = try PrivateKey(descriptor: file)
      guard name == key.name else { throw TLSError("the key does not match the certificate") }
      keys[key.name] = key
      users[key.name, default: []].formUnion(chain.users)
    } catch {
      fault = fault ?? "pki \(chain.name): \(error)"
    }
  }

  private static func name(of chain: CertificatePackage.Entry) throws(TLSError) -> KeyName {
    do throws(TLSError) {
      return try KeyName(ofCertificate: chain.content)
    } catch {
      throw TLSError("the certificate: \(error)")
    }
  }
}
