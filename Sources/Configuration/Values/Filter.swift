// SPDX-License-Identifier: ISC

/// One `filter`.
package struct Filter: Hashable, Sendable {
  /// What answers for the filter.
  package enum Kind: Hashable, Sendable {
    /// `proc NAME`: the process with this name, declared.
    case shared(String)
    /// `proc-exec COMMAND`: a process of its own.
    case own(FilterProcess.Program)
    case builtIn(BuiltIn)
    /// Names of filters, none of them a chain.
    case chain([String])
  }

  /// `phase … match … DECISION`.
  package struct BuiltIn: Hashable, Sendable {
    /// When it is asked.
    package var phase: Phase
    /// What a session in that phase knows of.
    package var condition: Condition
    /// What happens when the condition holds.
    package var decision: Decision

    package init(phase: Phase, condition: Condition, decision: Decision) {
      self.phase = phase
      self.condition = condition
      self.decision = decision
    }
  }

  /// When a filter is asked.
  package enum Phase: String, CaseIterable, Sendable {
    case connect = "connect"
    case helo = "helo"
    case ehlo = "ehlo"
    case auth = "auth"
    case mailFrom = "mail-from"
    case rcptTo = "rcpt-to"
    case data = "data"
    case commit = "commit"
  }

  /// What has to hold.
  package enum Condition: Hashable, Sendable {
    /// The client's name leads back to its address.
    case confirmedName(Rule.Sense)
    /// The client has a name.
    case named(Rule.Sense)
    case reverseName(Rule.Test)
    case address(Rule.Test)
    case helo(Rule.Test)
    case authenticated(Rule.Sense)
    case user(Rule.Test)
    case sender(Rule.Test)
    case recipient(Rule.Test)
  }

  /// What becomes of the command.
  package enum Decision: Hashable, Sendable {
    /// A reply that begins with a code of 4yz or 5yz.
    case reject(String)
    /// The same, and the session ends.
    case disconnect(String)
    /// The command gets another argument.
    case rewrite(String)
    case report(String)
    case junk
    /// The rest of the chain is not asked.
    case bypass
  }

  /// Unique; an inline chain has a name in angle brackets.
  package var name: String
  /// What answers for it.
  package var kind: Kind

  package init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

extension Filter.Condition {
  /// The look into a table, if it makes one.
  package var test: Rule.Test? {
    switch self {
    case .confirmedName, .named, .authenticated: nil
    case .reverseName(let test), .address(let test), .helo(let test), .user(let test),
      .sender(let test), .recipient(let test):
      test
    }
  }
}

/// `proc`: a program that several filters may share.
package struct FilterProcess: Hashable, Sendable {
  /// What is run, and as whom.
  package struct Program: Hashable, Sendable {
    /// Not empty.
    package var command: String
    /// Nil is `_smtpd`.
    package var user: String?
    /// Nil is the user's.
    package var group: String?
    /// An absolute path; nil leaves the root as it is.
    package var root: String?

    package init(
      command: String,
      user: String? = nil,
      group: String? = nil,
      root: String? = nil
    ) {
      self.command = command
      self.user = user
      self.group = group
      self.root = root
    }
  }

  package var name: String
  /// What is started once for all filters that name it.
  package var program: Program

  package init(name: String, program: Program) {
    self.name = name
    self.program = program
  }
}
