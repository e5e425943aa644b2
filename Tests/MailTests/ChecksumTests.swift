// SPDX-License-Identifier: ISC

import Mail
import Testing

@Suite("The checksum of records")
struct ChecksumTests {
  @Test("is CRC-32C")
  func knownValues() {
    #expect(Checksum.of([]) == 0)
    #expect(Checksum.of(Array("123456789".utf8)) == 0xe306_9283)
    #expect(Checksum.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(Checksum.of([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
  }

  @Test("is the same in one piece and in many")
  func pieces() {
    let bytes = (0..<100).map { UInt8($0) }
    for cut in 0...100 {
      var checksum = Checksum()
      checksum.add(Array(bytes[..<cut]).span)
      checksum.add(Array(bytes[cut...]).span)
      #expect(checksum.value == Checksum.of(bytes), "cut at \(cut)")
    }
    var number = Checksum()
    number.add(0x0807_0605_0403_0201)
    #expect(number.value == Checksum.of([1, 2, 3, 4, 5, 6, 7, 8]))
  }

  @Test("notices every flipped bit")
  func flips() {
    let bytes = (0..<64).map { UInt8($0) }
    let whole = Checksum.of(bytes)
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        #expect(Checksum.of(flipped) != whole, "byte \(index), bit \(bit)")
      }
    }
  }
}
