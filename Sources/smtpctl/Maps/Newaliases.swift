// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Host
import Mail
import Policy

/// newaliases(8): makes the map of the table `aliases` anew, and tells a daemon that runs.
enum Newaliases {
  private enum Limits {
    static let configuration = 64 << 20
  }

  static let usage = "usage: newaliases [-f file]"
  /// Where aliases are when the configuration does not say.
  private static let usual = "/etc/aliases"

  static func run(_ arguments: [String]) -> ExitStatus {
    var path = "/etc/smtpd.conf"
    switch arguments.count {
    case 0: break
    case 2 where arguments[0] == "-f": path = arguments[1]
    case 1 where arguments[0].hasPrefix("-f") && arguments[0].utf8.count > 2:
      path = String(arguments[0].dropFirst(2))
    default:
      SystemCalls.report(usage)
      return .failure
    }
    let place: Place
    do throws(Makemap.Failure) {
      place = try files(path)
      let (file, output) = (place.text, place.map)
      var command = try Makemap([file])
      command.kind = .aliases
      command.output = output
      let count = output == nil ? try command.check() : try command.make()
      let text = "\(file): \(count) aliases\n"
      guard SystemCalls.writeAll(Array(text.utf8), to: 1) == 0 else { return .failure }
    } catch {
      SystemCalls.report(error.text(of: "newaliases"))
      return .failure
    }
    return tellDaemon(of: place)
  }

  /// Where aliases are.
  private struct Place {
    let text: String
    /// The map that is made of the text; nil where the text itself is the table.
    let map: String?
    /// Whether a server takes what is in place without being told.
    let isWatched: Bool
  }

  private static func files(_ path: String) throws(Makemap.Failure) -> Place {
    // What `smtpd -n` knows: another host's listeners would be errors in a file that has none. Names to
    // listen on are left alone, and so is its own, for no alias waits for a name server.
    let facts = HostFactsReader.read(configuration: path, name: .files)
    let report = ConfigurationReport(reading: path, facts: facts) { path throws(UnreadableFile) in
      do throws(Makemap.Failure) {
        return try MapFiles.read(path).bytes
      } catch {
        throw UnreadableFile(reason: error.lines.joined())
      }
    }
    guard let configuration = report.configuration else {
      // Each says its place and its line of the file, too.
      if report.errors.count == 1 { throw Makemap.Failure("\(report.errors[0])") }
      throw Makemap.Failure(
        "\(path) has \(report.errors.count) errors: smtpd -n -f \(path) shows them"
      )
    }
    switch configuration.tables.first(where: { $0.name == "aliases" })?.content {
    case .database(let map)?:
      guard map.hasSuffix(".db") else {
        // The server opens what the configuration names, which is not what is made.
        return Place(text: map, map: "\(map).db", isWatched: false)
      }
      return Place(text: String(map.dropLast(3)), map: map, isWatched: true)
    case .file(let file)?: return Place(text: file, map: nil, isWatched: false)
    case nil: return Place(text: usual, map: "\(usual).db", isWatched: false)
    case .list?, .map?, .systemAccounts?, .helper?:
      throw Makemap.Failure("table aliases is in no file")
    }
  }

  private static func tellDaemon(of place: Place) -> ExitStatus {
    let status = Smtpctl.request(.updateTable(name: "aliases"))
    switch status {
    // Nobody runs, or nobody knows the table: the next start reads it.
    case nil, .unreachable?: return .success
    case .forbidden? where place.isWatched:
      SystemCalls.report(
        "newaliases: the daemon takes the map by itself; telling it needs root privileges"
      )
      return .success
    case .forbidden?:
      SystemCalls.report("newaliases: the daemon was not told: need root privileges")
      return .failure
    case let failure?:
      if case .standardOutput(let text) = failure.report { SystemCalls.report(text) }
      if case .standardError(let text) = failure.report { SystemCalls.report(text) }
      return .failure
    }
  }
}

extension Makemap {
  /// Reads a text that is a table itself, by the rules of table(5). Returns how many keys it has.
  func check() throws(Failure) -> Int {
    let bytes = try MapFiles.read(input).bytes
    let lines = TableContents.lines(in: bytes)
    guard case .map(let pairs)? = try? TableContents(parsing: bytes) else {
      // A file without an entry is a list, too.
      guard !lines.isEmpty else { return 0 }
      throw Failure("\(input) is no map of names to what they stand for")
    }
    let faults = pairs.compactMap { pair in
      TableValue.fault(of: pair.value, for: .alias)
        .map { (line: lines[pair.key] ?? 0, text: "\(pair.key): \($0)") }
    }
    guard faults.isEmpty else {
      throw Failure(
        lines: faults.sorted { $0.line < $1.line }.map { "\(input):\($0.line): \($0.text)" }
      )
    }
    return pairs.count
  }
}
