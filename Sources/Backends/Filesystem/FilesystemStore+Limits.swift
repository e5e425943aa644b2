// SPDX-License-Identifier: ISC

package import Disk
internal import Mail
internal import StoreJournal

extension FilesystemStore {
  /// How much of everything there may be.
  package struct Limits: Sendable {
    /// Of one file of the journal; a multiple of 512.
    package var segmentBytes = 8 << 20
    /// Files of the journal: with `segmentBytes` its bound, half of which a burst fills before files are
    /// made for it. At least 4.
    package var segments = 16
    /// A body longer than this is not put into the journal but staged as a file.
    package var inlineBodyMax = 1 << 20
    /// What one step of a checkpoint turns into files at most.
    package var sliceMessages = 256
    package var sliceBytes = 2 << 20
    package var sliceFiles = 1024
    /// After this long, changes wait for no further step.
    package var patience = Duration.milliseconds(250)
    /// Up to this many files are synced one by one, more by one sync of the file system.
    package var smallSet = 16
    /// Set aside for a full disk: another file of the journal has room in it, and some files of mail.
    package var reserveBytes = 12 << 20
    /// Below this no new mail is to be taken; see `DiskSpace.isNearlyFull`.
    package var floor = DiskSpace.Floor()
    /// Named values that `Change.set` keeps.
    package var settingsMax = 4096

    package init() {}

    /// Of one group in the journal; more is split between two messages.
    var groupBytes: Int { segmentBytes / 4 }
    /// And in the middle of one message.
    var messageGroupBytes: Int { segmentBytes / 2 }
    /// A body that always fits into a group.
    var journalBodyMax: Int { min(inlineBodyMax, segmentBytes / 8) }
  }
}

extension Journal {
  /// The journal of an fs store.
  init(disk: any Disk, limits: FilesystemStore.Limits) {
    precondition(limits.segments >= 4, "a checkpoint needs room beside what comes in")
    self.init(
      disk: disk,
      directory: FilesystemStore.journalDirectory,
      segmentBytes: limits.segmentBytes,
      segments: limits.segments
    )
  }
}

/// What a checkpoint of one file of the journal has to deal with.
struct CheckpointProgress {
  /// The messages that the file's changes are about, in their order, some more than once.
  var touched: [MessageID] = []
  /// How many of those a checkpoint has dealt with.
  var done = 0
  /// How many files those changes are about, if none of them is over by then.
  var files = 0
  /// The next message has parts that are dealt with.
  var hasPart = false
  var hasSettings = false
}
