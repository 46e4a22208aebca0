import Domain

/// Who measures, who is held still and what each worker is told: the rules of `MeasuringRoom`, without processes and
/// clocks. Times are seconds of one monotonic clock.
///
/// At most one worker has the room. While it has it, every other one is held still, except for
/// - an inspection that has been held for as long as an upload may wait (`longestHold`, all holds together);
/// - a worker that measures without the room, because its wait or its allowance ran out.
/// Those run, and count as neighbours of whoever measures meanwhile, so that its report can say so. Turns go in the order of
/// asking. No worker can keep the others still for longer than its allowance, whatever it says or fails to say.
struct Stillness {
    typealias Worker = Int
    enum Role { case conversion, inspection }

    struct Limits {
        /// The longest time that a measurement waits for its turn.
        var patience = 120.0
        /// How long one worker may keep the others still, all its measurements together.
        var allowance = 120.0
        /// How long one inspection may be held still, all holds together.
        var longestHold = 5.0
    }

    enum Action: Equatable {
        case hold(Worker)
        case release(Worker)
        case tell(Worker, WorkAnswer)
        /// `rings` is to be called with this alarm after so many seconds.
        case set(Alarm, after: Double)
    }

    struct Alarm: Equatable {
        enum Kind { case patience, allowance, hold }
        var kind: Kind
        var worker: Worker
        /// Tells a stale alarm from a current one.
        var number: Int
    }

    private struct Measurement {
        var asked: Double
        var began: Double?
        var conversions: Set<Worker> = []
        var inspections: Set<Worker> = []
    }

    private struct Member {
        let role: Role
        var measurement: Measurement?
        var heldSince: Double?
        /// What is left of its time: to keep others still for a conversion, to be held for an inspection.
        var left: Double
        var number = 0
    }

    private let limits: Limits
    private var members: [Worker: Member] = [:]
    private var waiting: [Worker] = []
    private var holder: Worker?

    init(_ limits: Limits = Limits()) { self.limits = limits }

    // MARK: What happens

    mutating func enters(_ worker: Worker, as role: Role, at now: Double) -> [Action] {
        members[worker] = Member(role: role, left: role == .conversion ? limits.allowance : limits.longestHold)
        return settle(now)
    }

    mutating func leaves(_ worker: Worker, at now: Double) -> [Action] {
        guard let member = members.removeValue(forKey: worker) else { return [] }
        waiting.removeAll { $0 == worker }
        if holder == worker { holder = nil }
        return (member.heldSince == nil ? [] : [.release(worker)]) + settle(now)
    }

    mutating func asks(_ worker: Worker, at now: Double) -> [Action] {
        guard var member = members[worker], member.measurement == nil else { return [] }
        member.measurement = Measurement(asked: now)
        member.number += 1
        members[worker] = member
        guard member.role == .conversion, member.left > 0 else { return begin(worker, now) + settle(now) }
        waiting.append(worker)
        return settle(now) + waitingAlarm(worker, member.number)
    }

    mutating func isDone(_ worker: Worker, at now: Double) -> [Action] {
        guard let member = members[worker], let measured = member.measurement, let began = measured.began else {
            return []
        }
        members[worker]?.measurement = nil
        if holder == worker {
            members[worker]?.left -= now - began
            holder = nil
        }
        let neighbours = Neighbours(
            conversions: measured.conversions.count, inspections: measured.inspections.count,
            waitedSeconds: began - measured.asked)
        return [.tell(worker, .neighbours(neighbours))] + settle(now)
    }

    mutating func rings(_ alarm: Alarm, at now: Double) -> [Action] {
        guard members[alarm.worker]?.number == alarm.number else { return [] }
        switch alarm.kind {
        case .patience:
            guard waiting.contains(alarm.worker) else { return [] }
            waiting.removeAll { $0 == alarm.worker }
            return begin(alarm.worker, now) + settle(now)
        case .allowance:
            guard holder == alarm.worker else { return [] }
            members[alarm.worker]?.left = 0
            holder = nil
            return settle(now)
        case .hold:
            members[alarm.worker]?.left = 0
            return settle(now)
        }
    }

    // MARK: What follows

    /// Gives a free room to the first in line, and holds and releases until everybody is as the rules say.
    private mutating func settle(_ now: Double) -> [Action] {
        var beginning: Worker?
        if holder == nil, !waiting.isEmpty {
            beginning = waiting.removeFirst()
            holder = beginning
        }
        let order = members.keys.sorted()
        var actions = order.flatMap { adjust($0, now) }
        if let beginning {
            actions += begin(beginning, now)
            let alarm = Alarm(kind: .allowance, worker: beginning, number: members[beginning]?.number ?? 0)
            actions.append(.set(alarm, after: members[beginning]?.left ?? 0))
        }
        for worker in order where members[worker]?.measurement?.began != nil { meetNeighbours(of: worker) }
        return actions
    }

    private mutating func adjust(_ worker: Worker, _ now: Double) -> [Action] {
        guard var member = members[worker] else { return [] }
        let hold = mustBeStill(worker, member)
        guard hold != (member.heldSince != nil) else { return [] }
        var actions: [Action] = [hold ? .hold(worker) : .release(worker)]
        if member.role == .inspection {
            member.number += 1
            if hold {
                let alarm = Alarm(kind: .hold, worker: worker, number: member.number)
                actions.append(.set(alarm, after: member.left))
            } else if let since = member.heldSince {
                member.left = min(member.left, max(0, member.left - (now - since)))
            }
        }
        member.heldSince = hold ? now : nil
        members[worker] = member
        return actions
    }

    private func mustBeStill(_ worker: Worker, _ member: Member) -> Bool {
        guard let holder, holder != worker, member.measurement?.began == nil else { return false }
        return member.role == .conversion || member.left > 0
    }

    private mutating func begin(_ worker: Worker, _ now: Double) -> [Action] {
        members[worker]?.measurement?.began = now
        return [.tell(worker, .begin)]
    }

    private func waitingAlarm(_ worker: Worker, _ number: Int) -> [Action] {
        guard waiting.contains(worker) else { return [] }
        return [.set(Alarm(kind: .patience, worker: worker, number: number), after: limits.patience)]
    }

    /// Whoever is not held still beside a measurement is a neighbour of it.
    private mutating func meetNeighbours(of worker: Worker) {
        for (other, member) in members where other != worker && member.heldSince == nil {
            if member.role == .conversion {
                members[worker]?.measurement?.conversions.insert(other)
            } else {
                members[worker]?.measurement?.inspections.insert(other)
            }
        }
    }
}
