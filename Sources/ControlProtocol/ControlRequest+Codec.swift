// SPDX-License-Identifier: ISC

package import Mail

extension ControlRequest {
  private enum Tag: UInt8 {
    case showQueue = 1
    case showEnvelope = 2
    case showMessage = 3
    case showStats = 4
    case showStatus = 5
    case schedule = 6
    case remove = 7
    case pauseEnvelopes = 8
    case resumeEnvelopes = 9
    case reassign = 10
    case discover = 11
    case pause = 12
    case resume = 13
    case logLevel = 14
    case verifyQueue = 15
    case quarantineList = 16
    case quarantineShow = 17
    case quarantineRestore = 18
    case more = 19
    case cancel = 20
    case updateTable = 40
    case explain = 41
    case updateCertificates = 21
    case showRelays = 22
  }

  /// The request's content in a frame or on an edge: a tag byte and its fields.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .showQueue(let selection): ControlRequest.write(.showQueue, selection, to: &writer)
    case .showEnvelope(let id):
      writer.write(Tag.showEnvelope.rawValue)
      writer.write(id.rawValue)
    case .showMessage(let item):
      writer.write(Tag.showMessage.rawValue)
      item.encode(to: &writer)
    case .showStats: writer.write(Tag.showStats.rawValue)
    case .showStatus: writer.write(Tag.showStatus.rawValue)
    case .showRelays: writer.write(Tag.showRelays.rawValue)
    case .schedule(let selection, let mode):
      ControlRequest.write(.schedule, selection, mode, to: &writer)
    case .remove(let selection, let mode):
      ControlRequest.write(.remove, selection, mode, to: &writer)
    case .pauseEnvelopes(let selection, let mode):
      ControlRequest.write(.pauseEnvelopes, selection, mode, to: &writer)
    case .resumeEnvelopes(let selection, let mode):
      ControlRequest.write(.resumeEnvelopes, selection, mode, to: &writer)
    case .reassign(let selection, let action, let mode):
      ControlRequest.write(.reassign, selection, mode, to: &writer)
      writer.write(action)
    case .discover(let item):
      writer.write(Tag.discover.rawValue)
      item.encode(to: &writer)
    case .pause(let subsystem):
      writer.write(Tag.pause.rawValue)
      writer.write(subsystem.rawValue)
    case .resume(let subsystem):
      writer.write(Tag.resume.rawValue)
      writer.write(subsystem.rawValue)
    case .logLevel(let level):
      writer.write(Tag.logLevel.rawValue)
      writer.write(level.rawValue)
    case .updateTable(let name):
      writer.write(Tag.updateTable.rawValue)
      writer.write(name)
    case .explain(let question):
      writer.write(Tag.explain.rawValue)
      question.encode(to: &writer)
    case .verifyQueue: writer.write(Tag.verifyQueue.rawValue)
    case .quarantineList: writer.write(Tag.quarantineList.rawValue)
    case .quarantineShow(let name):
      writer.write(Tag.quarantineShow.rawValue)
      writer.write(name)
    case .quarantineRestore(let name):
      writer.write(Tag.quarantineRestore.rawValue)
      writer.write(name)
    case .updateCertificates(let name):
      writer.write(Tag.updateCertificates.rawValue)
      writer.write(name)
    case .more: writer.write(Tag.more.rawValue)
    case .cancel: writer.write(Tag.cancel.rawValue)
    }
    return writer.finish()
  }

  private static func write(_ tag: Tag, _ selection: Selection, to writer: inout ByteWriter) {
    writer.write(tag.rawValue)
    selection.encode(to: &writer)
  }

  private static func write(
    _ tag: Tag,
    _ selection: Selection,
    _ mode: Mode,
    to writer: inout ByteWriter
  ) {
    write(tag, selection, to: &writer)
    writer.write(mode.rawValue)
  }

  /// Reads what `encoded` wrote. The bytes are hostile.
  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    guard let tag = Tag(rawValue: try reader.readByte()) else { throw .invalid(field: "request") }
    self = try ControlRequest.decode(tag, &reader)
    try reader.expectEnd()
  }

  private static func decode(
    _ tag: Tag,
    _ reader: inout ByteReader
  ) throws(DecodingError) -> ControlRequest {
    switch tag {
    case .showQueue: .showQueue(try Selection(from: &reader))
    case .showEnvelope: .showEnvelope(try QueueItem.envelopeID(&reader))
    case .showMessage: .showMessage(try QueueItem(from: &reader))
    case .showStats: .showStats
    case .showStatus: .showStatus
    case .showRelays: .showRelays
    case .schedule: .schedule(try Selection(from: &reader), try mode(&reader))
    case .remove: .remove(try Selection(from: &reader), try mode(&reader))
    case .pauseEnvelopes: .pauseEnvelopes(try Selection(from: &reader), try mode(&reader))
    case .resumeEnvelopes: .resumeEnvelopes(try Selection(from: &reader), try mode(&reader))
    case .reassign: try reassignment(&reader)
    case .discover: .discover(try QueueItem(from: &reader))
    case .pause: .pause(try subsystem(&reader))
    case .resume: .resume(try subsystem(&reader))
    case .logLevel: .logLevel(try level(&reader))
    case .updateTable: .updateTable(name: try name(&reader))
    case .explain: .explain(try ExplanationQuestion(from: &reader))
    case .verifyQueue: .verifyQueue
    case .quarantineList: .quarantineList
    case .quarantineShow: .quarantineShow(name: try name(&reader))
    case .quarantineRestore: .quarantineRestore(name: try name(&reader))
    case .updateCertificates: .updateCertificates(name: try name(&reader))
    case .more: .more
    case .cancel: .cancel
    }
  }

  private static func reassignment(
    _ reader: inout ByteReader
  ) throws(DecodingError) -> ControlRequest {
    let selection = try Selection(from: &reader)
    let mode = try mode(&reader)
    return .reassign(selection, action: try name(&reader), mode)
  }

  private static func mode(_ reader: inout ByteReader) throws(DecodingError) -> Mode {
    guard let mode = Mode(rawValue: try reader.readByte()) else { throw .invalid(field: "mode") }
    return mode
  }

  private static func subsystem(_ reader: inout ByteReader) throws(DecodingError) -> Subsystem {
    guard let subsystem = Subsystem(rawValue: try reader.readByte()) else {
      throw .invalid(field: "subsystem")
    }
    return subsystem
  }

  private static func level(_ reader: inout ByteReader) throws(DecodingError) -> LogLevel {
    guard let level = LogLevel(rawValue: try reader.readByte()) else {
      throw .invalid(field: "log level")
    }
    return level
  }

  private static func name(_ reader: inout ByteReader) throws(DecodingError) -> String {
    try reader.readString(of: "name", atMost: ControlLimits.name)
  }
}
