// SPDX-License-Identifier: ISC

package import ControlProtocol
package import Mail

/// Control to any role that answers an operator.
package struct ControlToRole: EdgeMessage {
  /// Given back with each response.
  package var id: UInt32
  package var request: ControlRequest

  package init(id: UInt32, request: ControlRequest) {
    self.id = id
    self.request = request
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(id)
    writer.append(request.encoded())
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    id = try reader.readInteger()
    request = try ControlRequest(decoding: reader.readRest())
  }
}

/// A role to control. The response stays encoded: control hands it on as it is.
package struct RoleToControl: EdgeMessage {
  package var id: UInt32
  package var finality: Finality
  package var response: [UInt8]

  package enum Finality: UInt8, Sendable {
    case more = 0
    case last = 1
  }

  package init(id: UInt32, finality: Finality, response: [UInt8]) {
    self.id = id
    self.finality = finality
    self.response = response
  }

  package init(id: UInt32, _ response: ControlResponse) {
    self.init(
      id: id,
      finality: response.isFinal ? .last : .more,
      response: response.encoded()
    )
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(id)
    writer.write(finality.rawValue)
    writer.append(response)
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    id = try reader.readInteger()
    guard let finality = Finality(rawValue: try reader.readByte()) else {
      throw .invalid(field: "finality")
    }
    self.finality = finality
    response = reader.readRest()
  }
}
