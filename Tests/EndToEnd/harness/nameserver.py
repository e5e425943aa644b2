# SPDX-License-Identifier: ISC
"""A name server on the loopback interface, with as much of DNS as mail needs."""

import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "AAAA": 28}
CODES = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def encode_name(name):
    labels = [label for label in name.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


class NameServer:
    """Answers from a table: (name, type) → list of data, or name → "NXDOMAIN", "SERVFAIL", "silence".

    Data is an address for A and AAAA, (preference, host) for MX, a name for CNAME, which answers for every
    type. A name with other types has no data of that type; an unknown name does not exist. What is asked
    about a name in `cut` has its answer by TCP only.
    """

    def __init__(self, bench, records, address="127.0.0.1", cut=(), port=0):
        self.records = records
        self.cut = cut
        self.questions = []
        # What was asked by TCP.
        self.streamed = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        bench.at_end(self.socket.close)
        if cut:
            self.listener = socket.create_server((address, self.port))
            threading.Thread(target=self._stream, daemon=True).start()
            bench.at_end(self.listener.close)

    def _run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            try:
                answer = self.answer(query, self.cut)
                if answer:
                    self.socket.sendto(answer, peer)
            except (OSError, struct.error, IndexError):
                pass

    def _stream(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            with connection, connection.makefile("rwb") as file:
                try:
                    while len(head := file.read(2)) == 2:
                        answer = self.answer(file.read(struct.unpack("!H", head)[0]))
                        self.streamed.append(self.questions[-1])
                        file.write(struct.pack("!H", len(answer)) + answer)
                        file.flush()
                except (OSError, struct.error, IndexError):
                    pass

    def answer(self, query, cut=()):
        identifier, = struct.unpack_from("!H", query)
        labels, offset = [], 12
        while query[offset]:
            labels.append(query[offset + 1:offset + 1 + query[offset]].decode().lower())
            offset += 1 + query[offset]
        question = query[12:offset + 5]
        kind, = struct.unpack_from("!H", query, offset + 1)
        name = ".".join(labels)
        word = next((t for t, number in TYPES.items() if number == kind), str(kind))
        self.questions.append((name, word))
        if name in cut:
            # TC (RFC 1035, section 4.1.1).
            return struct.pack("!6H", identifier, 0x8780, 1, 0, 0, 0) + question
        code, data = 0, []
        verdict = self.records.get(name)
        if verdict == "silence":
            return None
        if verdict in CODES:
            code = CODES[verdict]
        elif (name, "CNAME") in self.records:
            word, data = "CNAME", self.records[name, "CNAME"]
        elif (name, word) in self.records:
            data = self.records[name, word]
        elif not any(isinstance(key, tuple) and (key[0] == name or key[0].endswith("." + name))
                     for key in self.records):
            code = CODES["NXDOMAIN"]
        answers = b"".join(self._record(question[:-4], word, entry) for entry in data)
        authority = b""
        if not data and code in (0, 3):
            soa = (encode_name("ns.test") + encode_name("root.test")
                   + struct.pack("!5I", 1, 60, 60, 60, 1))
            authority = b"\0" + struct.pack("!HHIH", TYPES["SOA"], 1, 1, len(soa)) + soa
        head = struct.pack("!6H", identifier, 0x8580 | code, 1, len(data), 1 if authority else 0, 0)
        return head + question + answers + authority

    @staticmethod
    def _record(name, word, entry):
        if word == "A":
            data = socket.inet_pton(socket.AF_INET, entry)
        elif word == "AAAA":
            data = socket.inet_pton(socket.AF_INET6, entry)
        elif word == "MX":
            data = struct.pack("!H", entry[0]) + encode_name(entry[1])
        else:
            data = encode_name(entry)
        return name + struct.pack("!HHIH", TYPES[word], 1, 1, len(data)) + data
