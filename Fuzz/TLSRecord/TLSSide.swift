// SPDX-License-Identifier: ISC

import COpenSSL
import Glibc

/// One side of a session, over the engine itself: the same calls that `TLSSession` makes.
@safe final class TLSSide {
  enum Step: Equatable {
    case done
    case input
    case signature
    case failed
  }

  static let version12 = UInt32(1) << TALARIA_TLS_1_2.rawValue
  static let version13 = UInt32(1) << TALARIA_TLS_1_3.rawValue

  // Both are freed in deinit.
  private let context: OpaquePointer
  private let session: OpaquePointer

  init(isServer: Bool, _ versions: UInt32) {
    var options = unsafe talaria_context_options()
    unsafe options.side = CInt((isServer ? TALARIA_SERVER : TALARIA_CLIENT).rawValue)
    unsafe options.versions = versions
    var reason = talaria_reason()
    // All of it is used during the calls only.
    let context = unsafe talaria_context_new(&options, &reason)
    guard let context = unsafe context else { preconditionFailure("no context") }
    unsafe self.context = context
    if isServer {
      let chain = TLSKey.shared.certificate
      let result = unsafe talaria_context_use_chain(context, chain, chain.count, &reason)
      precondition(result == 0, "no certificate")
    }
    guard let session = unsafe talaria_session_new(context, nil, nil) else {
      preconditionFailure("no session")
    }
    unsafe self.session = session
  }

  deinit {
    unsafe talaria_session_free(session)
    unsafe talaria_context_free(context)
  }

  func step() -> Step {
    switch UInt32(unsafe talaria_session_handshake(session)) {
    case TALARIA_STEP_DONE.rawValue: .done
    case TALARIA_STEP_INPUT.rawValue: .input
    case TALARIA_STEP_SIGNATURE.rawValue: .signature
    default: .failed
    }
  }

  /// Signs what the handshake waits for, and goes on.
  func sign() {
    var request = talaria_request()
    var signature = [UInt8](repeating: 0, count: Int(TALARIA_SIGNATURE_MAX))
    // The structures and the array are used during the calls only, for the lengths given.
    unsafe talaria_session_request(session, &request)
    let length = unsafe withUnsafeBytes(of: &request.input) { input in
      unsafe talaria_key_sign(
        TLSKey.shared.key,
        request.algorithm,
        input.baseAddress?.assumingMemoryBound(to: UInt8.self),
        request.length,
        &signature,
        signature.count
      )
    }
    precondition(length > 0, "no signature")
    unsafe talaria_session_signed(session, signature, length)
    _ = step()
  }

  func feed(_ bytes: [UInt8]) {
    // The array is read during the call only.
    let result = unsafe talaria_session_feed(session, bytes, bytes.count)
    precondition(result == 0, "no memory")
  }

  func drain() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: unsafe talaria_session_pending(session))
    // The array has the length given.
    let count = unsafe talaria_session_drain(session, &bytes, bytes.count)
    return Array(bytes[..<count])
  }

  /// All that can be heard; nothing behind a failure.
  func read() -> [UInt8] {
    var heard: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 16_384)
    while true {
      // The array has the length given.
      let count = unsafe talaria_session_read(session, &bytes, bytes.count)
      guard count > 0 else { return heard }
      heard += bytes[..<count]
    }
  }

  func write(_ bytes: [UInt8]) {
    // The array is read during the call only.
    let result = unsafe talaria_session_write(session, bytes, bytes.count)
    precondition(result == 0, "nothing can be said")
  }

  /// Why a step failed.
  var reason: String {
    var reason = talaria_reason()
    // The structure is written during the call only, and its text ends with a zero.
    unsafe talaria_session_reason(session, &reason)
    return unsafe withUnsafeBytes(of: &reason.text) { text in
      unsafe String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// A key and its certificate, made by the openssl command when first needed.
@safe final class TLSKey: Sendable {
  static let shared = TLSKey()

  let certificate: [UInt8]
  // Lives as long as the process, and is never changed: it may be used by any thread.
  nonisolated(unsafe) let key: OpaquePointer

  private init() {
    var template = Array("/tmp/talaria-fuzz.XXXXXX".utf8CString)
    // The template is changed in place; paths and the command are read during the calls only.
    guard unsafe mkdtemp(&template) != nil else { preconditionFailure("no directory") }
    let name = template.dropLast().map { UInt8(bitPattern: $0) }
    let directory = String(decoding: name, as: UTF8.self)
    let command =
      "openssl req -x509 -nodes -days 30 -subj /CN=fuzz.example.org -newkey ec"
      + " -pkeyopt ec_paramgen_curve:P-256 -keyout \(directory)/key -out \(directory)/certificate"
    let status = unsafe system("\(command) >/dev/null 2>&1")
    precondition(status == 0, "openssl made no certificate")
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let file = unsafe open("\(directory)/certificate", O_RDONLY)
    let count = unsafe Glibc.read(file, &bytes, bytes.count)
    precondition(count > 0, "no certificate")
    close(file)
    certificate = Array(bytes[..<count])
    let secret = unsafe open("\(directory)/key", O_RDONLY)
    var reason = talaria_reason()
    var isLocked: CInt = 0
    guard let key = unsafe talaria_key_read(secret, nil, 0, &isLocked, &reason) else {
      preconditionFailure("no key")
    }
    close(secret)
    unsafe self.key = key
    for file in ["key", "certificate"] { _ = unsafe unlink("\(directory)/\(file)") }
    _ = unsafe rmdir(directory)
  }
}
