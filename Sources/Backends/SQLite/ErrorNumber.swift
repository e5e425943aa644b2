// SPDX-License-Identifier: ISC

internal import Glibc

/// The system's error numbers that a store treats alike.
enum ErrorNumber {
  static let noSpace: [Int32] = [ENOSPC, EDQUOT]
}
