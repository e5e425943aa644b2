// SPDX-License-Identifier: ISC

package import ControlProtocol
internal import Glibc

/// Which daemon a message is for: that of the environment, else the system's where there is one, else the
/// user's own.
package enum SubmissionPlace {
  /// - Throws: when no place is known.
  package static func current() throws(StateDirectory.Failure) -> StateDirectory {
    let user = geteuid()
    if variable(StateDirectory.variable) == nil, exists(.system) { return .system }
    var environment: [String: String] = [:]
    for name in [StateDirectory.variable, "XDG_STATE_HOME", "HOME"] {
      environment[name] = variable(name)
    }
    return try StateDirectory(
      option: nil,
      environment: environment,
      uid: user,
      home: Caller.current.home
    )
  }

  private static func exists(_ place: StateDirectory) -> Bool {
    // Paths are read during the calls only.
    unsafe access(place.submission, F_OK) == 0 || access(place.offline, F_OK) == 0
  }

  private static func variable(_ name: String) -> String? {
    // The string is copied before anything can change the environment: there is one thread.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}
