// SPDX-License-Identifier: ISC

internal import CLinux
package import Mail

/// The clocks of the process: the seam through which drivers tell machines the time.
package enum Clock {
  /// Civil time; may jump.
  package static func now() -> Instant {
    Instant(milliseconds: talaria_civil_milliseconds())
  }

  /// Milliseconds of a clock that only rises.
  package static func rising() -> Int64 { talaria_rising_milliseconds() }
}
