import Domain
import Testing

@testable import Service

@Suite struct StillnessTests {
    private typealias Action = Stillness.Action
    private var rules = Stillness(.init(patience: 100, allowance: 60, longestHold: 5))

    private func neighbours(_ conversions: Int, _ inspections: Int = 0, waited: Double = 0) -> WorkAnswer {
        .neighbours(Neighbours(conversions: conversions, inspections: inspections, waitedSeconds: waited))
    }

    private func alarm(_ kind: Stillness.Alarm.Kind, _ actions: [Action]) throws -> Stillness.Alarm {
        try #require(
            actions.compactMap { action in
                if case .set(let alarm, _) = action, alarm.kind == kind { alarm } else { nil }
            }.first)
    }

    private func withoutAlarms(_ actions: [Action]) -> [Action] {
        actions.filter { if case .set = $0 { false } else { true } }
    }

    @Test mutating func theOthersAreHeldBeforeAMeasurementBeginsAndReleasedAfterIt() {
        for worker in 1...3 { #expect(rules.enters(worker, as: .conversion, at: 0) == []) }
        #expect(withoutAlarms(rules.asks(2, at: 1)) == [.hold(1), .hold(3), .tell(2, .begin)])
        #expect(rules.isDone(2, at: 4) == [.tell(2, neighbours(0)), .release(1), .release(3)])
    }

    @Test mutating func whoComesDuringAMeasurementIsHeldFromTheStart() {
        _ = rules.enters(1, as: .conversion, at: 0)
        _ = rules.asks(1, at: 0)
        #expect(rules.enters(2, as: .conversion, at: 1) == [.hold(2)])
        #expect(rules.isDone(1, at: 2) == [.tell(1, neighbours(0)), .release(2)])
    }

    @Test mutating func turnsGoInTheOrderOfAsking() {
        for worker in 1...3 { _ = rules.enters(worker, as: .conversion, at: 0) }
        _ = rules.asks(3, at: 0)
        #expect(withoutAlarms(rules.asks(1, at: 1)) == [])
        #expect(withoutAlarms(rules.asks(2, at: 2)) == [])
        #expect(
            withoutAlarms(rules.isDone(3, at: 5))
                == [.tell(3, neighbours(0)), .release(1), .hold(3), .tell(1, .begin)])
        // The same one again goes to the end of the line.
        #expect(
            withoutAlarms(rules.isDone(1, at: 6)) == [
                .tell(1, neighbours(0, waited: 4)), .hold(1), .release(2), .tell(2, .begin),
            ])
        #expect(rules.isDone(2, at: 8) == [.tell(2, neighbours(0, waited: 4)), .release(1), .release(3)])
    }

    @Test mutating func aMeasuringWorkerThatDiesFreesTheOthers() {
        for worker in 1...2 { _ = rules.enters(worker, as: .conversion, at: 0) }
        _ = rules.asks(1, at: 0)
        #expect(rules.leaves(1, at: 1) == [.release(2)])
        #expect(withoutAlarms(rules.asks(2, at: 2)) == [.tell(2, .begin)])
    }

    @Test mutating func aWaitingWorkerThatDiesLeavesTheLine() {
        for worker in 1...2 { _ = rules.enters(worker, as: .conversion, at: 0) }
        _ = rules.asks(1, at: 0)
        _ = rules.asks(2, at: 0)
        #expect(rules.leaves(2, at: 1) == [.release(2)])
        #expect(rules.isDone(1, at: 2) == [.tell(1, neighbours(0))])
    }

    /// Then both run, and both are told.
    @Test mutating func whoWaitedTooLongMeasuresBesideTheOther() throws {
        for worker in 1...2 { _ = rules.enters(worker, as: .conversion, at: 0) }
        _ = rules.asks(1, at: 0)
        let patience = try alarm(.patience, rules.asks(2, at: 1))
        #expect(rules.rings(patience, at: 101) == [.tell(2, .begin), .release(2)])
        #expect(rules.rings(patience, at: 101) == [])
        #expect(rules.isDone(2, at: 103) == [.tell(2, neighbours(1, waited: 100)), .hold(2)])
        #expect(rules.isDone(1, at: 104) == [.tell(1, neighbours(1)), .release(2)])
    }

    @Test mutating func whoMeasuresForTooLongLosesTheRoomAndIsToldSo() throws {
        for worker in 1...2 { _ = rules.enters(worker, as: .conversion, at: 0) }
        let allowance = try alarm(.allowance, rules.asks(1, at: 0))
        #expect(rules.rings(allowance, at: 60) == [.release(2)])
        #expect(rules.isDone(1, at: 70) == [.tell(1, neighbours(1))])
        // Nothing is left for a second measurement.
        #expect(rules.asks(1, at: 71) == [.tell(1, .begin)])
        #expect(rules.isDone(1, at: 72) == [.tell(1, neighbours(1))])
    }

    @Test mutating func theAllowanceIsThatOfAllMeasurementsTogether() {
        for worker in 1...2 { _ = rules.enters(worker, as: .conversion, at: 0) }
        _ = rules.asks(1, at: 0)
        _ = rules.isDone(1, at: 45)
        let actions = rules.asks(1, at: 50)
        #expect(actions.contains { if case .set(_, 15) = $0 { true } else { false } }, "\(actions)")
    }

    @Test mutating func anInspectionIsHeldForAFewSecondsInAllAndThenCounted() throws {
        _ = rules.enters(1, as: .conversion, at: 0)
        _ = rules.enters(2, as: .inspection, at: 0)
        let actions = rules.asks(1, at: 0)
        #expect(actions.contains(.set(try alarm(.hold, actions), after: 5)))
        #expect(withoutAlarms(rules.isDone(1, at: 2)) == [.tell(1, neighbours(0)), .release(2)])
        let again = rules.asks(1, at: 10)
        let hold = try alarm(.hold, again)
        #expect(again.contains(.set(hold, after: 3)))
        #expect(rules.rings(hold, at: 13) == [.release(2)])
        #expect(rules.isDone(1, at: 14) == [.tell(1, neighbours(0, 1))])
        // Its time is used up.
        #expect(withoutAlarms(rules.asks(1, at: 20)) == [.tell(1, .begin)])
        #expect(rules.leaves(2, at: 21) == [])
        #expect(rules.isDone(1, at: 22) == [.tell(1, neighbours(0, 1))])
    }

    @Test mutating func whatWasNotAskedForIsNotAnswered() {
        _ = rules.enters(1, as: .conversion, at: 0)
        #expect(rules.isDone(1, at: 1) == [])
        _ = rules.asks(1, at: 2)
        #expect(rules.asks(1, at: 3) == [])
        #expect(rules.leaves(1, at: 4) == [])
        #expect(rules.leaves(1, at: 5) == [])
        #expect(rules.asks(1, at: 6) == [])
        // An inspection measures nothing that others would have to be still for.
        _ = rules.enters(2, as: .conversion, at: 7)
        _ = rules.enters(3, as: .inspection, at: 7)
        #expect(rules.asks(3, at: 8) == [.tell(3, .begin)])
    }
}
