// SPDX-License-Identifier: ISC

/// First come, first served; at either end a constant cost.
struct WaitingLine<Element: Sendable>: Sendable {
  private var elements: [Element] = []
  private var head = 0

  var isEmpty: Bool { head == elements.count }
  var first: Element? { isEmpty ? nil : elements[head] }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard let element = first else { return nil }
    head += 1
    // The array is shifted once for many.
    if head == elements.count || head >= 1024 {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }
}
