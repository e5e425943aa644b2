// SPDX-License-Identifier: ISC

/// The version that banners, hellos, `-h` and `--version` show.
package enum TalariaVersion {
  package static let text = "0.1.0"
}
