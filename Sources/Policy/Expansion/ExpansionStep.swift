// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// One node of an expansion: the recipient, or what an alias, a list or a `~/.forward` named.
struct ExpansionStep {
  /// What was done at a step.
  enum Kind: Hashable {
    case address(Address)
    case user(LocalName)
    /// A command, a file, an error or a list: ends here or is asked for.
    case leaf(ExpansionNode)
  }

  /// Who named it.
  enum Origin: Equatable {
    case client
    /// A table of the administrator, or a list that one names.
    case alias
    case include
    /// The `~/.forward` of this user.
    case forward(user: String)
  }

  /// Whether the same user stands above it, under the same action.
  enum Standing: Hashable {
    case fresh
    /// His aliases have been asked.
    case aliased
    /// His `~/.forward` has been read.
    case forwarded
  }

  let kind: Kind
  let origin: Origin
  let parent: Int?
  let depth: Int
  /// Under which it was named; nil for the recipient itself.
  let action: LookupProjection.Action?
  /// The nearest address above it, or itself.
  let destination: Address
  var standing = Standing.fresh
  /// The `~/.forward` of this user has been read here.
  var hasForwarded = false
}

/// What makes a step a repetition of another one.
struct ExpansionStepKey: Hashable {
  private let kind: ExpansionStep.Kind
  private let standing: ExpansionStep.Standing
  /// Users and commands are others under another action.
  private let action: String?
  /// Commands are others as another user.
  private let owner: String?
  /// The same user or command for another address is another delivery: what is done may depend on it.
  private let destination: Address?

  init(_ step: ExpansionStep) {
    standing = step.standing
    switch step.kind {
    case .address(let address):
      kind = .address(address.foldingDomain)
      action = nil
      owner = nil
      destination = nil
    case .user:
      kind = step.kind
      action = step.action?.name
      owner = nil
      destination = step.destination.foldingDomain
    case .leaf:
      kind = step.kind
      action = step.action?.name
      owner = if case .forward(let user) = step.origin { user } else { nil }
      destination = step.destination.foldingDomain
    }
  }
}

extension Address {
  /// The same but for the case of the domain.
  func isSame(as other: Address) -> Bool {
    local == other.local && domain.asciiLowercased == other.domain.asciiLowercased
  }

  /// With the domain in lower case.
  fileprivate var foldingDomain: Address { Address(local: local, domain: domain.asciiLowercased) }
}
