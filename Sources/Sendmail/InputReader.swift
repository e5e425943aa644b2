// SPDX-License-Identifier: ISC

internal import Glibc

/// Reads descriptors to their end.
enum InputReader {
  /// Why there is no whole input.
  enum Failure: Error, Equatable {
    case tooLong
    case failed(String)
  }

  static func all(of descriptor: CInt, atMost limit: Int) throws(Failure) -> [UInt8] {
    var content: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The array is as long as the count says.
      let count = unsafe read(descriptor, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .failed(SystemError.text) }
      guard count > 0 else { return content }
      content += part[..<count]
      guard content.count <= limit else { throw .tooLong }
    }
  }
}

/// What the last call failed with.
enum SystemError {
  static var text: String { text(of: errno) }

  static func text(of number: CInt) -> String {
    // strerror's text is copied at once, and there is one thread.
    unsafe String(cString: strerror(number))
  }
}
