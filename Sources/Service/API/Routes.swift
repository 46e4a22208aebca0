import HTTP

extension API {
    /// The whole table. `openapi.yaml` lists the same; a test holds the two to each other.
    func makeRouter() -> Router {
        var router = Router(
            miss: { refusal, request in Problem(refusal).response(instance: request.path, trace: request.trace) },
            failure: { error, request in failure(error, request) })

        router.on(.post, "/v1/models", postModel)
        router.on(.get, "/v1/models", listModels)
        router.on(.put, "/v1/models/{id}", putModel)
        router.on(.get, "/v1/models/{id}", getModel)
        router.on(.delete, "/v1/models/{id}", deleteModel)
        router.on(.get, "/v1/models/{id}/content", getModelContent)
        router.on(.get, "/v1/models/{id}/content/{file}", getModelFile)
        router.on(.post, "/v1/models/{id}/lint", lintModel)
        router.on(.get, "/v1/models/{id}/statistics", listStatistics)
        router.on(.get, "/v1/models/{id}/statistics/{key}", getStatistics)
        router.on(.delete, "/v1/models/{id}/statistics/{key}", deleteStatistics)

        router.on(.post, "/v1/calibration-sets", postSampleSet)
        router.on(.get, "/v1/calibration-sets", listSampleSets)
        router.on(.get, "/v1/calibration-sets/{id}", getSampleSet)
        router.on(.delete, "/v1/calibration-sets/{id}", deleteSampleSet)
        router.on(.get, "/v1/calibration-sets/{id}/content", getSampleSetContent)

        router.on(.post, "/v1/jobs", postJob)
        router.on(.get, "/v1/jobs", listJobs)
        router.on(.get, "/v1/jobs/{id}", getJob)
        router.on(.delete, "/v1/jobs/{id}", deleteJob)
        router.on(.post, "/v1/jobs/{id}/cancel", cancelJob)
        router.on(.post, "/v1/jobs/{id}/reproduce", reproduceJob)

        router.on(.get, "/v1/jobs/{id}/artifact", getArtifact)
        router.on(.get, "/v1/jobs/{id}/artifacts/{target}", getArtifactForTarget)
        router.on(.get, "/v1/jobs/{id}/report", getReport)
        router.on(.get, "/v1/jobs/{id}/report.json", getReportJSON)
        router.on(.get, "/v1/jobs/{id}/report.txt", getReportText)
        router.on(.get, "/v1/jobs/{id}/report.html", getReportHTML)
        router.on(.get, "/v1/jobs/{id}/plan", getPlan)
        router.on(.get, "/v1/jobs/{id}/log", getLog)
        router.on(.get, "/v1/jobs/{id}/provenance", getProvenance)
        router.on(.get, "/v1/keys/provenance.pem", getProvenanceKey)
        router.on(.get, "/v1/compare", getComparison)
        router.on(.get, "/v1/compare.json", getComparisonJSON)
        router.on(.get, "/v1/compare.txt", getComparisonText)
        router.on(.get, "/v1/compare.html", getComparisonHTML)

        router.onInline(.get, "/livez", getLivez)
        router.on(.get, "/readyz", getReadyz)
        router.on(.get, "/metrics", getMetrics)
        router.onInline(.get, "/openapi.yaml", getOpenAPI)
        return router
    }
}
