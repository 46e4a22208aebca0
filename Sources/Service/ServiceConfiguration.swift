/// What can be set about the service; `Config/octavo.yaml` says what each is for.
package struct ServiceConfiguration: Sendable {
    package var dataDirectory: String
    package var modelLimit: Int64 = 8 << 30
    package var sampleSetLimit: Int64 = 4 << 30
    package var diskReserve: Int64 = 256 << 20
    package var queueLimit = 100
    package var workers = 1
    package var inspections = 2
    /// Engine threads of one job.
    package var threads = 1
    package var lease: Duration = .seconds(30)
    package var maxAttempts = 3
    /// Before the second attempt; four times as long before each later one.
    package var retryDelay: Duration = .seconds(2)
    /// Seconds in which a job measures latency.
    package var measureSeconds: Double = 3
    /// The longest time one attempt may take.
    package var jobSeconds: Double = 4 * 3600
    package var inspectionSeconds: Double = 120
    /// Address space of a worker; 0 computes it from the sizes of model and samples.
    package var workerMemory: Int64 = 0
    /// From TERM to KILL.
    package var patience: Double = 3
    /// The longest time a request may wait for a job.
    package var longestWait: Double = 120
    package var command: WorkerCommand

    package init(dataDirectory: String, command: WorkerCommand = .ownExecutable()) {
        self.dataDirectory = dataDirectory
        self.command = command
    }
}
