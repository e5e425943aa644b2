// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct TableJudgeTests {
  private func report(
    _ text: String,
    files: [String: String],
    _ faults: @escaping (ServerConfiguration) -> [TableJudge.Fault]
  ) -> ConfigurationReport {
    ConfigurationReport(
      reading: "t.conf",
      facts: Reading.facts,
      tables: TableJudge(faults: faults)
    ) { path throws(UnreadableFile) in
      if path == "t.conf" { return Array(text.utf8) }
      guard let text = files[path] else { throw UnreadableFile(reason: "No such file") }
      return Array(text.utf8)
    }
  }

  /// Every table that has a file is at fault.
  private static func all(_ configuration: ServerConfiguration) -> [TableJudge.Fault] {
    configuration.tables.enumerated().compactMap { index, table in
      switch table.content {
      case .file(let path), .database(let path):
        TableJudge.Fault(TableIndex(index), reason: "\(path): bad")
      case .list, .map, .systemAccounts, .helper: nil
      }
    }
  }

  @Test("of a table whose statement is wrong, that is said and nothing else")
  func standIn() {
    let text = """
      table t file:relative
      match from src <t> for any reject

      """
    let errors = report(text, files: [:], TableJudgeTests.all).errors
    #expect(errors.map { $0.description.prefix { $0 != ":" } } == ["t.conf"])
  }

  @Test(
    "what is wrong with files of tables is shown where they are named, with all else in the order of lines"
  )
  func everything() {
    let text = """
      table absent "/absent"
      table map db:/map
      queue tll 4d
      table "text" file:/text
      match from src <text> for any reject

      """
    let report = report(text, files: ["/text": "192.0.2.1\n"], TableJudgeTests.all)
    #expect(report.configuration == nil)
    #expect(
      report.errors.map(\.description).joined(separator: "\n") == """
        t.conf:1: cannot read /absent: No such file
            table absent "/absent"
                         ^~~~~~~~~
        t.conf:2: table map: /map: bad
            table map db:/map
                      ^~~~~~~
        t.conf:3: unexpected "tll"
            queue tll 4d
                  ^~~
            expected ttl, backend, compression or encryption; did you mean "ttl"?
        t.conf:4: table text: /text: bad
            table "text" file:/text
                         ^~~~~~~~~~
        """
    )
  }

  @Test(
    "who looks at tables is given what is good of the configuration, once, before the certificates are looked at"
  )
  func asked() {
    var order: [String] = []
    let judge = TLSJudge(setting: { _ in nil }) { _, _, rest in
      order.append("\(rest)")
      return []
    }
    let tables = TableJudge { configuration in
      order.append(configuration.tables.last?.name ?? "")
      return TableJudgeTests.all(configuration)
    }
    let text = "table t db:/t\nmatch from any for any reject\n"
    _ = ConfigurationReport(
      reading: "t.conf",
      facts: Reading.facts,
      judge: judge,
      tables: tables
    ) { _ in Array(text.utf8) }
    #expect(order == ["t", "faulty"])
  }

  @Test(
    "what is wrong in an included file stands where it is included, though it was found behind all else"
  )
  func included() {
    let report = report(
      "queue tll 4d\ninclude \"/a\"\nqueue tll 4d\nmatch from any for any reject\n",
      files: ["/a": "queue ttl 4d\ntable t db:/t\n"],
      TableJudgeTests.all
    )
    #expect(report.errors.map { "\($0.path):\($0.line)" } == ["t.conf:1", "/a:2", "t.conf:3"])
  }
}
