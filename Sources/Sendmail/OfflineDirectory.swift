// SPDX-License-Identifier: ISC

internal import CLinux
internal import Glibc
internal import Mail
internal import Submission

/// The offline directory, as one who may only add to it sees it.
enum OfflineDirectory {
  /// Why it was not put there.
  struct Failure: Error {
    let text: String
  }

  private static let letters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
  )

  /// Puts a message there, durable on return.
  static func put(_ message: OfflineMessage, in directory: String, at now: Instant) throws(Failure)
  {
    let bytes: [UInt8]
    do throws(OfflineMessage.Fault) {
      bytes = try message.encoded()
    } catch {
      switch error {
      case .argument: throw Failure(text: "an argument with | or a newline in it cannot be kept")
      case .tooLong, .noArguments: throw Failure(text: "it is too long to be kept")
      }
    }
    let random = String((0..<10).map { _ in letters.randomElement() ?? "A" })
    let name = "\(now.seconds).\(random)"
    let unfinished = OfflineRound.unfinishedPrefix + name
    // The strings and the array are read during the call only, and the array is as long as is told.
    guard unsafe talaria_put_file(directory, unfinished, name, bytes, bytes.count) == 0 else {
      throw Failure(text: "\(directory): \(SystemError.text)")
    }
  }
}
