// SPDX-License-Identifier: ISC

internal import Glibc

/// An open descriptor that has one owner, and is closed when that owner lets it go.
package struct Descriptor: ~Copyable, Sendable {
  private let number: CInt

  /// Takes over an open descriptor.
  package init(owning number: CInt) {
    precondition(number >= 0)
    self.number = number
  }

  deinit { _ = Glibc.close(number) }

  /// The number, while the descriptor is still owned here.
  package borrowing func borrow() -> CInt { number }

  /// Gives the number away: the caller closes it.
  package consuming func release() -> CInt {
    let number = self.number
    discard self
    return number
  }
}
