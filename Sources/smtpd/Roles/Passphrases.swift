// SPDX-License-Identifier: ISC

internal import Glibc
internal import TLS

/// What the encrypted keys of a renewal are tried with: passphrases that are known, and one more that is asked
/// for where there is somebody to ask.
final class Passphrases {
  /// What becomes of a key that no known passphrase decrypts.
  enum Unknown {
    /// It is of no use, for this reason.
    case refused(String)
    /// Nothing is said of it: there will be another look.
    case overlooked
    /// Its passphrase is asked for, and written into this file.
    case asked(PassphraseQuestion, file: CInt)
  }

  private var known: [Passphrase]
  private let unknown: Unknown

  init(_ known: [Passphrase], otherwise unknown: Unknown) {
    self.known = known
    self.unknown = unknown
  }

  /// For a renewal while the server runs.
  ///
  /// - Parameter file: the file of those that are known. It is closed.
  convenience init(renewingWith file: CInt?) {
    self.init(
      file.flatMap(Passphrases.take) ?? [],
      otherwise: .refused(
        "the key is encrypted, and no passphrase that was given at the start decrypts it: decrypt it with "
          + "openssl pkey, or start smtpd again from a terminal"
      )
    )
  }

  private static func take(_ descriptor: CInt) -> [Passphrase]? {
    defer { close(descriptor) }
    return PassphraseFile.read(descriptor)
  }

  /// Reads a key; nil when it is encrypted and overlooked.
  ///
  /// - Parameters:
  ///   - file: open; it stays so.
  ///   - name: of its `pki`, for who is asked.
  ///   - path: where it is, for who is asked.
  /// - Throws: why there is none.
  func key(
    in file: CInt,
    of name: String,
    at path: String
  ) throws(TLSError) -> PrivateKey? {
    if let key = try PrivateKey(descriptor: file) { return key }
    for passphrase in known {
      if let key = try PrivateKey(descriptor: file, passphrase: passphrase) { return key }
    }
    switch unknown {
    case .refused(let reason): throw TLSError(reason)
    case .overlooked: return nil
    case .asked(let question, let passphrases):
      guard known.count < PassphraseFile.Limits.count else {
        let most = PassphraseFile.Limits.count
        throw TLSError("the key is encrypted, by one more than \(most) different passphrases")
      }
      let (key, passphrase) = try ask(question, for: file, of: name, at: path)
      do throws(PassphraseFileFailure) {
        try PassphraseFile.append(passphrase, behind: known, to: passphrases)
      } catch {
        throw TLSError("its passphrase cannot be kept: \(error.reason)")
      }
      known.append(passphrase)
      return key
    }
  }

  private func ask(
    _ question: PassphraseQuestion,
    for file: CInt,
    of name: String,
    at path: String
  ) throws(TLSError) -> (PrivateKey, Passphrase) {
    var complaint: String?
    for _ in 0..<PassphraseQuestion.triesMax {
      switch question.ask(of: name, at: path, after: complaint) {
      case .passphrase(let passphrase):
        if let key = try PrivateKey(descriptor: file, passphrase: passphrase) {
          return (key, passphrase)
        }
        complaint = "this passphrase does not decrypt it"
      case .tooLong: complaint = "a passphrase has at most \(Passphrase.lengthMax) bytes"
      case .nobody(let reason):
        throw TLSError("the key is encrypted, and its passphrase cannot be asked for: \(reason)")
      }
    }
    throw TLSError(
      "the key is encrypted, and none of \(PassphraseQuestion.triesMax) passphrases decrypts it"
    )
  }
}
