import Synchronization

// Responses on their way out.
extension Connection {
    /// Answers the request in work. Whoever calls this from outside the receiving loop calls `settle` afterwards.
    func respond(_ response: Response) {
        if collector != nil {
            state.stopReading()
            endCollecting(.bodyAlreadyRead)
        }
        endReception(.bodyAlreadyRead)
        if case .file(let path, let offset, let length) = response.content, record?.method != .head,
            !response.status.forbidsContent
        {
            return openFile(response, path, offset, length)
        }
        let plan = begin(response)
        guard plan.sendsContent else { return finishResponse() }
        switch response.content {
        case .empty, .file: finishResponse()
        case .bytes(let bytes):
            record?.bytesSent += Int64(bytes.count)
            output.append(bytes)
            finishResponse()
        case .stream(let length, let next):
            outgoing = .stream(OutgoingStream(isChunked: plan.framing == .chunked, remaining: length))
            flush()
            guard !isClosed else { return }
            pull(next)
        }
    }

    /// Decides and writes the head.
    private func begin(_ response: Response) -> ConnectionState.ResponsePlan {
        state.isStopping = lane.core.isDraining.load(ordering: .relaxed)
        let connection = response.fields["Connection"]
        let plan = state.answer(
            response.status, length: length(of: response), saysClose: connection?.equalsIgnoringCase("close") == true)
        record?.status = response.status
        record?.route = response.route
        lane.writer.write(response, plan, to: &output.tail)
        return plan
    }

    private func length(of response: Response) -> Int64? {
        switch response.content {
        case .empty:
            guard record?.method == .head, let stated = response.fields["Content-Length"].flatMap({ Int64($0) }) else {
                return 0
            }
            return max(0, stated)
        case .bytes(let bytes): return Int64(bytes.count)
        case .file(_, _, let length): return length
        case .stream(let length, _): return length
        }
    }

    /// Everything of the response stands in the output queue or has left.
    private func finishResponse() {
        guard !isClosed else { return }
        outgoing = nil
        if state.isLastResponse {
            flush()
            guard output.isEmpty else { return endsWhenDrained = true }
            return isClosed ? () : end()
        }
        finishRecord(isComplete: true)
        // Draining and the next head are the receiving side's business; it asks the state.
        _ = state.responded(now: lane.now)
    }

    /// The last response has left.
    private func end() {
        endsWhenDrained = false
        finishRecord(isComplete: true)
        switch state.responded(now: lane.now) {
        case .close: close()
        case .linger: transport.closeWriting()
        case .next, .drain: break
        }
    }

    func finishRecord(isComplete: Bool) {
        guard var record else { return }
        self.record = nil
        guard let observer = lane.core.observer else { return }
        record.bytesReceived = state.bodyBytesDelivered
        observer(record.exchange(at: lane.time(), isComplete: isComplete))
    }

    // MARK: Output

    /// Sends what the client takes; the rest waits for room.
    func flush() {
        guard !isClosed, !isLent, !output.isEmpty else { return }
        let before = output.sent
        let hasFile = if case .file = outgoing { true } else { false }
        switch output.flush(transport, more: hasFile) {
        case .drained:
            state.writeDrained()
            drained()
        case .blocked:
            if output.sent > before || !state.isWriteBlocked { state.writeProgressed(now: lane.now) }
        case .failed: close()
        }
    }

    private func drained() {
        if endsWhenDrained { return end() }
        if let work = afterDrain {
            afterDrain = nil
            return work()
        }
        switch outgoing {
        case .file(let file): pump(file)
        case .stream(var stream):
            let producer = stream.producer
            stream.producer = nil
            outgoing = .stream(stream)
            producer?.resume()
        case nil: break
        }
    }

    /// The client has room again.
    func writable() {
        guard output.isEmpty else { return flush() }
        if case .file(let file) = outgoing { pump(file) }
    }

    // MARK: Files

    private func openFile(_ response: Response, _ path: String, _ offset: Int64, _ length: Int64) {
        let number = number
        lane.core.files.run {
            let opened = OutgoingFile.open(path, offset, length)
            self.lane.perform { self.opened(opened, response, number) }
        }
    }

    private func opened(_ opened: OutgoingFile.Opened, _ response: Response, _ number: UInt64) {
        guard !isClosed, number == self.number else {
            if case .open(let file) = opened { Outgoing.file(file).closeFile() }
            return
        }
        var response = response
        switch opened {
        case .small(let bytes):
            response.content = .bytes(bytes)
            respond(response)
        case .open(let file):
            record?.bytesSent += file.remaining
            _ = begin(response)
            outgoing = .file(file)
            flush()
        case .failed:
            respond(
                lane.core.refusal(
                    Refusal(.internalServerError, "content-unavailable", "The stored content cannot be read.")))
        }
        settle()
    }

    /// Lends the transport to a worker that sends until the client takes no more.
    private func pump(_ file: OutgoingFile) {
        isLent = true
        lane.core.files.run {
            var file = file
            let outcome = file.send(self.transport)
            self.lane.perform { [file] in self.pumped(file, outcome) }
        }
    }

    private func pumped(_ file: OutgoingFile, _ outcome: OutgoingFile.Outcome) {
        var file = file
        let hasMoved: Bool
        if case .file(let before) = outgoing { hasMoved = before.offset != file.offset } else { hasMoved = false }
        file.waitsForRoom = outcome == .blocked
        if !isClosed { outgoing = .file(file) }
        guard regain() else { return }
        switch outcome {
        case .done:
            state.writeDrained()
            outgoing?.closeFile()
            finishResponse()
        case .blocked:
            if hasMoved || !state.isWriteBlocked { state.writeProgressed(now: lane.now) }
        case .more:
            state.writeDrained()
            pump(file)
        case .failed: close()
        }
        settle()
    }

    // MARK: Streams

    private func pull(_ next: @escaping @Sendable () async throws -> [UInt8]?) {
        let number = number
        task = Task {
            do {
                while let piece = try await next() {
                    if !piece.isEmpty { try await self.push(piece, number) }
                }
                self.lane.perform { self.streamEnded(number, isWhole: true) }
            } catch {
                self.lane.perform { self.streamEnded(number, isWhole: false) }
            }
        }
    }

    /// Returns when the client has taken the piece.
    private func push(_ piece: [UInt8], _ number: UInt64) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            lane.perform { self.accept(piece, number, continuation) }
        }
    }

    private func accept(_ piece: [UInt8], _ number: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        guard !isClosed, number == self.number, case .stream(var stream) = outgoing else {
            return continuation.resume(throwing: CancellationError())
        }
        if let remaining = stream.remaining {
            guard Int64(piece.count) <= remaining else {
                close()
                return continuation.resume(throwing: CancellationError())
            }
            stream.remaining = remaining - Int64(piece.count)
        }
        record?.bytesSent += Int64(piece.count)
        if stream.isChunked { ResponseWriter.chunkSize(piece.count, &output.tail) }
        output.append(piece)
        if stream.isChunked { output.tail.append(contentsOf: [ASCII.cr, ASCII.lf]) }
        stream.producer = continuation
        outgoing = .stream(stream)
        settle()
    }

    private func streamEnded(_ number: UInt64, isWhole: Bool) {
        guard !isClosed, number == self.number, case .stream(let stream) = outgoing else { return }
        task = nil
        guard isWhole, stream.remaining ?? 0 == 0 else { return close() }
        if stream.isChunked { output.append(ResponseWriter.lastChunk) }
        finishResponse()
        settle()
    }

    func abandonOutgoing() {
        guard case .stream(let stream) = outgoing else { return }
        outgoing = nil
        stream.producer?.resume(throwing: CancellationError())
    }
}
