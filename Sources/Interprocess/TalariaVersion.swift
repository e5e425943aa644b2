// SPDX-License-Identifier: ISC

/// The version that banners, hellos and `-h` show.
package enum TalariaVersion {
  package static let text = "0.1.0"
}
