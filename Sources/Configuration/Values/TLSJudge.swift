// SPDX-License-Identifier: ISC

/// What looks at the parts of a configuration that are not the language's: ciphers and protocols, of which
/// only the TLS library knows what is good, and the files of certificates and keys.
package struct TLSJudge {
  /// What `ciphers` or `protocols` say.
  package enum Setting: Hashable, Sendable {
    /// Of a server, or else of a client.
    case ciphers(String, Side)
    case protocols(String)
  }

  /// Which end of the sessions a setting is of.
  package enum Side: Sendable {
    case server, client
  }

  /// A file, by the `pki` or `ca` that names it.
  package enum File: Hashable, Sendable {
    case certificate(String)
    case key(String)
    case authority(String)
  }

  /// A file that cannot be used, and why.
  package struct FileFault: Hashable, Sendable {
    package var file: File
    package var reason: String

    package init(_ file: File, reason: String) {
      self.file = file
      self.reason = reason
    }
  }

  /// Whether there are errors beside those of the files.
  package enum Rest: Sendable {
    case good, faulty
  }

  /// Everything that is wrong with the files of these, in their order.
  package typealias Files = ([PKI], [CertificateAuthority], Rest) -> [FileFault]

  /// Why a setting is of no use; nil when it is.
  let setting: (Setting) -> String?
  /// Asked once, behind all else.
  let files: Files

  package init(setting: @escaping (Setting) -> String?, files: @escaping Files) {
    self.setting = setting
    self.files = files
  }
}

extension TLSJudge.File: CustomStringConvertible {
  /// As a diagnostic names it.
  package var description: String {
    switch self {
    case .certificate(let name), .key(let name): "pki \(name)"
    case .authority(let name): "ca \(name)"
    }
  }
}

extension Parser {
  /// `ciphers`, in words of the TLS library.
  mutating func ciphers(_ side: TLSJudge.Side) throws(SyntaxFault) -> String {
    let (text, position) = try name("a list of ciphers")
    if let reason = judge?.setting(.ciphers(text, side)) {
      report(.unusable("ciphers", reason: reason), at: position)
    }
    return text
  }

  /// `protocols`, in words of the TLS library.
  mutating func protocols() throws(SyntaxFault) -> String {
    let (text, position) = try name("a list of protocols")
    if let reason = judge?.setting(.protocols(text)) {
      report(.unusable("protocols", reason: reason), at: position)
    }
    return text
  }
}
