// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import Synchronization
import Testing

@testable import Supervisor

@Suite("The desk of certificates")
struct CertificateDeskTests {
  /// Each content is the number of the renewal.
  private static let source = CertificateSource(
    read: { number in
      var result = CertificatePackage(generation: number)
      result.chains = ["a", "b"].map { .init(name: $0, content: [UInt8(number)]) }
      result.anchors = [.init(name: "c", content: [UInt8(number)])]
      return result
    },
    openKeys: { _ in [] },
    files: { rising() }
  )

  private static let times = Mutex<Int64>(0)

  /// Files that change all the time.
  private static func rising() -> [CertificateSource.FileFacts] {
    var facts = CertificateSource.FileFacts()
    facts.modified = times.withLock {
      $0 += 1
      return $0
    }
    return [facts]
  }

  /// What frontend would be handed.
  private func current(_ desk: CertificateDesk) throws -> [UInt8] {
    var contents: [UInt8] = []
    try desk.hand(to: .frontend) { message, descriptors in
      guard case .certificates = message else {
        Issue.record("\(message)")
        return
      }
      contents = Self.contents(descriptors)
    }
    return contents
  }

  private static func contents(_ descriptors: [CInt]) -> [UInt8] {
    // The desk closes its own; reading takes one over.
    guard let bytes = SealedFile.read(dup(descriptors[0])),
      let package = try? CertificatePackage(decoding: bytes)
    else { return [] }
    return (package.chains + package.anchors).flatMap(\.content)
  }

  private static func nowhere(_: SupervisorToRole, _: [CInt]) {}

  @Test("a renewal counts when keys says that it is good, and not before")
  func accepted() throws {
    var desk = try CertificateDesk(Self.source)
    var handed: [UInt8] = []
    try desk.renew { handed = Self.contents($1) }
    #expect(handed == [2, 2, 2])
    #expect(try current(desk) == [1, 1, 1])
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [2, 2, 2])
  }

  @Test("the file of passphrases goes to keys, at each start and each renewal, and to nobody else")
  func passphrases() throws {
    var source = Self.source
    source.passphrases = 77
    var desk = try CertificateDesk(source)
    for role in CertificateDesk.roles {
      try desk.hand(to: role) { message, descriptors in
        guard case .certificates = message else { return }
        #expect(descriptors.dropFirst() == (role == .keys ? [77] : []))
      }
    }
    var handed: [[CInt]] = []
    try desk.renew { handed.append(Array($1.dropFirst())) }
    try desk.renew(only: "a", token: 1) { handed.append(Array($1.dropFirst())) }
    try desk.renewForNewKeys { handed.append(Array($1.dropFirst())) }
    #expect(handed == [[77], [77], [77]])
  }

  @Test("one that is refused changes nothing")
  func refused() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    let report = KeysReport(generation: 2, .refused, broken: [0], faults: [.init("pki a", "no")])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(try current(desk) == [1, 1, 1])
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .unchanged)
    #expect(try current(desk) == [1, 1, 1])
  }

  @Test("of renewals close behind each other the last one counts that keys took")
  func several() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 2...4 { try desk.renew(Self.nowhere) }
    #expect(desk.checked(KeysReport(generation: 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [2, 2, 2])
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(
      desk.checked(KeysReport(generation: 4, .refused, faults: [.init("pki a", "no")]))
        == .refused(["pki a: no"])
    )
    #expect(try current(desk) == [3, 3, 3])
  }

  @Test("what is broken of a renewal that is taken stays what it was")
  func inPart() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renew(Self.nowhere)
    var report = KeysReport(generation: 2, .taken, broken: [1], faults: [.init("pki b", "no")])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    #expect(try current(desk) == [2, 1, 2])
    try desk.renew(Self.nowhere)
    report = KeysReport(generation: 3, .taken, broken: [1, 2], faults: [.init("pki b", "no")])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    #expect(try current(desk) == [3, 1, 2])
  }

  @Test("a renewal of one changes that one, also behind one of all that keys took meanwhile")
  func one() throws {
    var desk = try CertificateDesk(Self.source)
    var places: [UInt16] = []
    var tokens: [UInt64] = []
    func note(_ message: SupervisorToRole, _ descriptors: [CInt]) {
      guard case .certificatesOfOne(let place, let token) = message else { return }
      places.append(place)
      tokens.append(token)
    }
    try desk.renew(only: "b", token: 8, note)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [1, 2, 1])
    try desk.renew(Self.nowhere)
    try desk.renew(only: "a", token: 9, note)
    #expect(places == [1, 0])
    #expect(tokens == [8, 9])
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(desk.checked(KeysReport(generation: 4, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [4, 3, 3])
    try desk.renew(only: "a", token: 10, note)
    let report = KeysReport(generation: 5, .refused, broken: [0], faults: [.init("pki a", "no")])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(try current(desk) == [4, 3, 3])
    #expect(throws: CertificateFault("there is no pki x")) {
      try desk.renew(only: "x", token: 11, note)
    }
  }

  @Test("what is lacking is looked for though another one is renewed")
  func oneBesideLacking() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    let report = KeysReport(generation: 2, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    try desk.renew(only: "a", token: 1, Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 3, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [3, 1, 2])
    #expect(desk.isLacking)
    // The one that was lacking ends the search.
    try desk.renew(only: "b", token: 2, Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 4, .taken)) == .accepted(but: []))
    #expect(!desk.hasToLook)
    var handed: [UInt8] = []
    try desk.look { handed = Self.contents($1) }
    #expect(handed == [])
  }

  @Test("keys has so many renewals to look at and no more, whether it lives or not")
  func bounded() throws {
    var desk = try CertificateDesk(Self.source)
    for _ in 0..<CertificateDesk.Limits.renewals { try desk.renew(Self.nowhere) }
    #expect(throws: CertificateFault.self) { try desk.renew(Self.nowhere) }
    try desk.renewForNewKeys(Self.nowhere)
    let last = UInt32(CertificateDesk.Limits.renewals) + 2
    // Of another keys role.
    #expect(desk.checked(KeysReport(generation: last - 1, .taken)) == .unchanged)
    #expect(desk.checked(KeysReport(generation: last, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [UInt8](repeating: UInt8(last), count: 3))
  }

  @Test("a file that cannot be read refuses the first of all, and is told to keys afterwards")
  func absent() throws {
    let source = CertificateSource(
      read: { number in
        var package = Self.source.read(number)
        if number > 1 { package.chains[0].fault = "a.crt" }
        return package
      },
      openKeys: { package in
        package.chains[1].keyFault = "b.key"
        return [dup(STDIN_FILENO)]
      },
      files: Self.source.files
    )
    var desk = try CertificateDesk(source)
    var told: [[String]] = []
    try desk.renew { message, descriptors in
      guard case .certificates = message, let bytes = SealedFile.read(dup(descriptors[0])) else {
        return
      }
      let package = try? CertificatePackage(decoding: bytes)
      told.append(package?.chains.flatMap { [$0.fault, $0.keyFault] } ?? [])
    }
    #expect(told == [["a.crt", "", "", "b.key"]])
    let broken = CertificateSource(
      read: { _ in source.read(2) },
      openKeys: source.openKeys,
      files: source.files
    )
    #expect(throws: CertificateFault("a.crt")) { try CertificateDesk(broken) }
  }

  @Test(
    "what is lacking once keys was started anew is looked for until it is there, and nothing is said meanwhile"
  )
  func looks() throws {
    var desk = try CertificateDesk(Self.source)
    var handed: [UInt8] = []
    func look() throws {
      handed = []
      try desk.look { handed = Self.contents($1) }
    }
    try look()
    #expect(handed == [] && !desk.isLacking)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    let early = KeysReport(generation: 2, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(early) == .accepted(but: ["pki b: no"]))
    #expect(desk.isLacking)
    try look()
    #expect(handed == [3, 3, 3])
    // Keys has not told of it.
    try look()
    #expect(handed == [])
    let same = KeysReport(generation: 3, .refused, broken: [1], faults: [fault])
    #expect(desk.checked(same) == .unchanged)
    #expect(try current(desk) == [2, 1, 2])
    try desk.renew(Self.nowhere)
    let asked = KeysReport(generation: 4, .refused, broken: [1], faults: [fault])
    #expect(desk.checked(asked) == .refused(["pki b: no"]))
    #expect(desk.isLacking)
    try look()
    #expect(handed == [5, 5, 5])
    #expect(desk.checked(KeysReport(generation: 5, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [5, 5, 5])
    #expect(!desk.isLacking)
    try look()
    #expect(handed == [])
  }

  @Test("keys that was started anew and can use nothing lacks all")
  func nothing() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki a", "no")
    let report = KeysReport(generation: 2, .refused, broken: [0, 1], faults: [fault])
    #expect(desk.checked(report) == .refused(["pki a: no"]))
    #expect(desk.isLacking)
    // Of which a part is mended by itself.
    try desk.look(Self.nowhere)
    let part = KeysReport(generation: 3, .taken, broken: [0], faults: [fault])
    #expect(desk.checked(part) == .accepted(but: ["pki a: no"]))
    #expect(try current(desk) == [1, 3, 3])
    #expect(desk.isLacking)
    try desk.renew(only: "a", token: 1, Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 4, .taken)) == .accepted(but: []))
    #expect(!desk.isLacking)
  }

  @Test("what became faulty before the first keys role had it is looked for")
  func early() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.provide(.keys, Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    let report = KeysReport(generation: 1, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(report) == .refused(["pki b: no"]))
    #expect(desk.isLacking)
    try desk.look(Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    #expect(try current(desk) == [2, 2, 2])
    #expect(!desk.hasToLook)
  }

  @Test("of a first renewal that keys took in part, what breaks besides later is not looked for")
  func besides() throws {
    var desk = try CertificateDesk(Self.source)
    try desk.renewForNewKeys(Self.nowhere)
    let fault = KeysReport.Fault("pki b", "no")
    var report = KeysReport(generation: 2, .taken, broken: [1], faults: [fault])
    #expect(desk.checked(report) == .accepted(but: ["pki b: no"]))
    try desk.look(Self.nowhere)
    report = KeysReport(generation: 3, .taken, broken: [0], faults: [.init("pki a", "no")])
    #expect(desk.checked(report) == .accepted(but: ["pki a: no"]))
    #expect(try current(desk) == [2, 3, 3])
    #expect(!desk.hasToLook)
  }

  @Test(
    "a first hand-over that fails is tried again: by a look, by whoever asks for a renewal, or by the next start"
  )
  func failed() throws {
    let isFailing = Mutex(false)
    let source = CertificateSource(
      read: Self.source.read,
      openKeys: { _ throws(CertificateFault) in
        guard !isFailing.withLock({ $0 }) else { throw CertificateFault("no descriptors") }
        return []
      },
      files: Self.source.files
    )
    let attempts: [(String, (inout CertificateDesk, CertificateDesk.Send) throws -> Void)] = [
      ("look", { try $0.look($1) }), ("renew", { try $0.renew($1) }),
      ("start", { try $0.renewForNewKeys($1) }),
    ]
    for (name, attempt) in attempts {
      for isFirst in [true, false] {
        var desk = try CertificateDesk(source)
        isFailing.withLock { $0 = true }
        #expect(throws: CertificateFault("no descriptors")) {
          if isFirst {
            try desk.provide(.keys, Self.nowhere)
          } else {
            try desk.renewForNewKeys(Self.nowhere)
          }
        }
        #expect(desk.hasToLook && !desk.isLacking, "\(name)")
        #expect(throws: CertificateFault("no descriptors")) { try attempt(&desk, Self.nowhere) }
        #expect(desk.owed == [.keys], "\(name)")
        isFailing.withLock { $0 = false }
        var number: UInt32 = 0
        try attempt(&desk) { _, descriptors in number = UInt32(Self.contents(descriptors)[0]) }
        #expect(number > 1 && !desk.hasToLook, "\(name)")
        // It takes what can be used, and the rest is looked for.
        let fault = KeysReport.Fault("pki b", "no")
        let report = KeysReport(generation: number, .taken, broken: [1], faults: [fault])
        #expect(desk.checked(report) == .accepted(but: ["pki b: no"]), "\(name)")
        #expect(desk.isLacking, "\(name)")
      }
    }
  }

  @Test(
    "a role that could not be handed what counts is owed that, and nobody else is, until it has been handed it"
  )
  func notHanded() throws {
    let isFailing = Mutex(false)
    var source = Self.source
    source.seal = { isFailing.withLock { $0 } ? nil : SealedFile.make(name: "test", $0) }
    var desk = try CertificateDesk(source)
    try desk.renew(Self.nowhere)
    #expect(desk.checked(KeysReport(generation: 2, .taken)) == .accepted(but: []))
    isFailing.withLock { $0 = true }
    for role in [Role.frontend, .delivery] {
      #expect(throws: CertificateFault.self) { try desk.provide(role, Self.nowhere) }
    }
    #expect(desk.owed == [.frontend, .delivery] && desk.hasToLook && !desk.isLacking)
    // A look is about keys, which has all.
    try desk.look { _, _ in Issue.record("keys is handed something") }
    #expect(throws: CertificateFault.self) { try desk.provide(.delivery, Self.nowhere) }
    #expect(desk.owed == [.frontend, .delivery])
    isFailing.withLock { $0 = false }
    for (role, owed) in [(Role.delivery, Set([Role.frontend])), (.frontend, [])] {
      var handed: [UInt8] = []
      try desk.provide(role) { handed = Self.contents($1) }
      #expect(handed == [2, 2, 2])
      #expect(desk.owed == owed)
    }
    #expect(!desk.hasToLook)
  }

  @Test("a renewal of one while the first of all is owed leaves that owed")
  func oneWhileOwed() throws {
    let isFailing = Mutex(true)
    let source = CertificateSource(
      read: Self.source.read,
      openKeys: { _ throws(CertificateFault) in
        guard !isFailing.withLock({ $0 }) else { throw CertificateFault("no descriptors") }
        return []
      },
      files: Self.source.files
    )
    var desk = try CertificateDesk(source)
    #expect(throws: CertificateFault.self) { try desk.renewForNewKeys(Self.nowhere) }
    isFailing.withLock { $0 = false }
    try desk.renew(only: "a", token: 1, Self.nowhere)
    #expect(desk.owed == [.keys])
    var handed: [UInt8] = []
    try desk.look { handed = Self.contents($1) }
    #expect(handed.count == 3)
    #expect(desk.owed == [])
  }
}
