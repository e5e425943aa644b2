// SPDX-License-Identifier: ISC

internal import Glibc
internal import Submission

/// The user as whom the program runs, as the kernel and the user database know it.
struct Caller {
  let uid: UInt32
  let login: SubmissionDraft.Login
  /// Nil when it is not known.
  let home: String?

  /// The one who runs this.
  static var current: Caller {
    let uid = getuid()
    // The record is copied before anything else can ask: there is one thread.
    guard let record = unsafe getpwuid(uid) else {
      return Caller(uid: uid, login: .init(name: "uid\(uid)", fullName: ""), home: nil)
    }
    let name = unsafe text(record.pointee.pw_name)
    let gecos = unsafe text(record.pointee.pw_gecos)
    let home = unsafe text(record.pointee.pw_dir)
    return Caller(
      uid: uid,
      login: .init(name: name, fullName: DisplayName.full(gecos: gecos, login: name)),
      home: home.hasPrefix("/") ? home : nil
    )
  }

  private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
    guard let pointer = unsafe pointer else { return "" }
    return unsafe String(cString: pointer)
  }
}
