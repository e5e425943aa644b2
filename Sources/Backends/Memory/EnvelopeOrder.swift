// SPDX-License-Identifier: ISC

internal import Mail

/// The identifiers of a dictionary's envelopes in rising order, with some that are gone among them.
///
/// Identifiers come almost always in rising order, so that appending is usual and sorting is rare.
struct EnvelopeOrder: Sendable {
  private(set) var ids: [EnvelopeID] = []
  private var isSorted = true

  mutating func insert(_ id: EnvelopeID) {
    if let last = ids.last, last >= id { isSorted = false }
    ids.append(id)
  }

  /// Restores the order, and drops what is gone once it is more than what is `live`.
  mutating func forgetRemoved(live: Int, _ exists: (EnvelopeID) -> Bool) {
    guard !isSorted || ids.count > 2 * live + 64 else { return }
    var kept = ids.filter(exists)
    if !isSorted { kept.sort() }
    ids.removeAll(keepingCapacity: true)
    for id in kept where ids.last != id { ids.append(id) }
    isSorted = true
  }

  /// Where the first identifier behind `id` is; `ids.count` when there is none.
  func index(after id: EnvelopeID?) -> Int {
    guard let id else { return 0 }
    var low = 0
    var high = ids.count
    while low < high {
      let middle = low + (high - low) / 2
      if ids[middle] <= id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
