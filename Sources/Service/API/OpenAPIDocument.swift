/// `openapi.yaml`, embedded. Made from it by the test `theEmbeddedDocumentIsTheFile`; not edited by hand.
enum OpenAPIDocument {
    static let text = #"""
        openapi: 3.1.0
        info:
          title: Octavo
          version: 1.0.0
          summary: Quantizes FP32 ONNX models to INT8 and says what that did to them.
          description: |
            Post a model and a calibration set, post a job, wait for it, fetch the artifact and the report. Everything
            works with plain curl.

            Errors are `application/problem+json` (RFC 9457) without exception. JSON has sorted keys, times are RFC 3339
            in UTC, sizes are bytes. Fields without a value are absent. Below `/v1`, unknown query parameters and unknown
            fields are errors.

            A 2xx answer to an upload means that the bytes are on disk, that their digest was checked and that a worker
            could read them.
          license:
            name: Apache-2.0
            identifier: Apache-2.0
        servers:
          - url: http://127.0.0.1:8080
        tags:
          - name: models
            description: ONNX models as they were uploaded, by the SHA-256 of their bytes or by name.
          - name: calibration sets
            description: Immutable, versioned sets of samples, for calibration or for evaluation.
          - name: jobs
            description: One conversion each.
          - name: results
            description: What a job brought forth.
          - name: server
            description: The server itself.

        paths:
          /v1/models:
            post:
              tags: [models]
              operationId: postModel
              summary: Store a model
              description: |
                The body is the file itself (`curl -T model.onnx`, `--data-binary @model.onnx`), or, for a model with
                external data, a form (`curl -F model=@m.onnx -F data=@m.onnx.data`). The file name of each `data` part
                must be the one written in the model. The same bytes again give 200 and the model that is there; a new
                name becomes a label of it.

                The id is the SHA-256 of the file. With external data it is the SHA-256 of a list of the digests of all
                files.

                A worker looks at the model before the answer. While a job measures latency it is held still, so the answer
                may take up to 5 s longer.
              parameters:
                - $ref: '#/components/parameters/Name'
                - $ref: '#/components/parameters/ContentDigest'
                - $ref: '#/components/parameters/ReprDigest'
              requestBody:
                required: true
                content:
                  application/octet-stream:
                    schema: {}
                  multipart/form-data:
                    schema:
                      type: object
                      required: [model]
                      properties:
                        model:
                          description: The ONNX file.
                          type: string
                          format: binary
                        data:
                          description: Files of external data, at most 32.
                          type: array
                          items:
                            type: string
                            format: binary
              responses:
                '200': { $ref: '#/components/responses/ModelKnown' }
                '201': { $ref: '#/components/responses/ModelCreated' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '408': { $ref: '#/components/responses/Problem' }
                '413': { $ref: '#/components/responses/TooLarge' }
                '415': { $ref: '#/components/responses/Problem' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
                '507': { $ref: '#/components/responses/NoSpace' }
            get:
              tags: [models]
              operationId: listModels
              summary: List models, newest first
              parameters:
                - $ref: '#/components/parameters/Limit'
                - $ref: '#/components/parameters/After'
                - name: name
                  in: query
                  description: Only models that carry this name.
                  schema: { type: string }
              responses:
                '200':
                  description: A page of models.
                  headers:
                    Link: { $ref: '#/components/headers/Link' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/ModelList' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/models/{id}:
            parameters:
              - $ref: '#/components/parameters/ModelId'
            put:
              tags: [models]
              operationId: putModel
              summary: Store a model under its digest
              description: |
                The id is `sha256:` and the digest of the bytes; bytes with another digest are refused. When the model
                is stored already, the answer is 200 before a byte is read: a client that waits for `100 Continue`, as
                curl does, sends nothing.
              parameters:
                - $ref: '#/components/parameters/Name'
                - $ref: '#/components/parameters/ContentDigest'
                - $ref: '#/components/parameters/ReprDigest'
              requestBody:
                required: true
                content:
                  application/octet-stream:
                    schema: {}
              responses:
                '200': { $ref: '#/components/responses/ModelKnown' }
                '201': { $ref: '#/components/responses/ModelCreated' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '408': { $ref: '#/components/responses/Problem' }
                '413': { $ref: '#/components/responses/TooLarge' }
                '415': { $ref: '#/components/responses/Problem' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
                '507': { $ref: '#/components/responses/NoSpace' }
            get:
              tags: [models]
              operationId: getModel
              summary: What is known of a model
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '200':
                  description: The model.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Model' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }
            delete:
              tags: [models]
              operationId: deleteModel
              summary: Delete a model and all its names
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '204':
                  description: It is gone.
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/models/{id}/content:
            parameters:
              - $ref: '#/components/parameters/ModelId'
            get:
              tags: [models]
              operationId: getModelContent
              summary: The bytes of a model's main file
              parameters: &download
                - $ref: '#/components/parameters/Range'
                - $ref: '#/components/parameters/IfRange'
                - $ref: '#/components/parameters/IfMatch'
                - $ref: '#/components/parameters/IfNoneMatch'
                - $ref: '#/components/parameters/AcceptEncoding'
              responses: &binary
                '200': { $ref: '#/components/responses/Content' }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/models/{id}/content/{file}:
            parameters:
              - $ref: '#/components/parameters/ModelId'
              - name: file
                in: path
                required: true
                description: Name of one of the model's files.
                schema: { type: string }
            get:
              tags: [models]
              operationId: getModelFile
              summary: The bytes of one of a model's files, such as its external data
              parameters: *download
              responses: *binary

          /v1/models/{id}/lint:
            parameters:
              - $ref: '#/components/parameters/ModelId'
            post:
              tags: [models]
              operationId: lintModel
              summary: Where a quantized model breaks the rules of a target, as JSON or as text by Accept
              description: |
                For models quantized by any tool: nodes that the runtime will compute in float or wrongly, what that costs and what
                to do. A worker process reads the model; it is not run, and nothing is kept.
              parameters:
                - name: target
                  in: query
                  description: Whose rules.
                  schema: { $ref: '#/components/schemas/Target' }
                - name: Accept
                  in: header
                  schema: { type: string }
                  example: text/plain
              responses:
                '200':
                  description: The broken rules; none when the model breaks none, or is not quantized.
                  headers:
                    Vary: { $ref: '#/components/headers/Vary' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/LintReport' }
                    text/plain:
                      schema: { type: string }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '406': { $ref: '#/components/responses/Problem' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
                '507': { $ref: '#/components/responses/NoSpace' }

          /v1/models/{id}/statistics:
            parameters:
              - $ref: '#/components/parameters/ModelId'
            get:
              tags: [models]
              operationId: listStatistics
              summary: What calibration passes saw of a model, newest first
              description: |
                A job with the scheme `auto` or `int8-static` runs the calibration samples through the model once and keeps what it saw
                of each tensor, even if it fails later on. A later job on the same model and set makes no pass when its own would see
                exactly the same: with another calibrator, other layers in float, another rounding, target or gate. Another
                `max_samples`, `smooth`, `equalize`, engine or processor need a pass of their own. Of one model and set the newest
                eight are kept; they go with the model or the set. A job that repeats another one always makes its pass.
              parameters:
                - $ref: '#/components/parameters/Limit'
                - $ref: '#/components/parameters/After'
              responses:
                '200':
                  description: A page of statistics.
                  headers:
                    Link: { $ref: '#/components/headers/Link' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/StatisticsList' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/models/{id}/statistics/{key}:
            parameters:
              - $ref: '#/components/parameters/ModelId'
              - name: key
                in: path
                required: true
                description: '`sha256:` and 64 hexadecimal digits, as in the list and in reports.'
                schema: { type: string }
            get:
              tags: [models]
              operationId: getStatistics
              summary: What one pass saw of each tensor
              parameters: *download
              responses:
                '200':
                  description: The document.
                  headers: &contentHeaders
                    ETag: { $ref: '#/components/headers/ETag' }
                    Repr-Digest: { $ref: '#/components/headers/ReprDigest' }
                    Accept-Ranges: { $ref: '#/components/headers/AcceptRanges' }
                    Content-Disposition: { $ref: '#/components/headers/ContentDisposition' }
                    Vary: { $ref: '#/components/headers/Vary' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Statistics' }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
            delete:
              tags: [models]
              operationId: deleteStatistics
              summary: Forget what a pass saw, so that the next job looks again
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '204':
                  description: It is gone.
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/calibration-sets:
            post:
              tags: [calibration sets]
              operationId: postSampleSet
              summary: Store a set of samples
              description: |
                The body is an `.npy` or `.npz` file or a zip of pictures, or a form with the part `file` and, if need be,
                the part `preprocessing`. Axis 0 of every array counts samples. In an `.npz` an array is named as the model
                input that it feeds; `labels` is reserved for class indices. Preprocessing is `(x * scale - mean) / std`,
                then the layout change, and applies to arrays that feed float inputs.

                A zip of pictures holds JPEG and PNG files in any folders. They are turned as their EXIF says, resized for
                the model of a job with Pillow's antialiased filters, and laid out as its input asks. Labels are found in
                the usual forms, the first of these that is there: a JSON of COCO's form; text files of boxes with a
                `data.yaml`, as Ultralytics lays them out; `labels.csv` with lines `picture,class`; one folder for each
                class, called by index, by a name that `classes.txt` lists, or in the order of the names. Where a data set
                has parts, a set for evaluation is its `val`, any other its `train`. What is not given is inferred from the
                model; the findings of a dry run and the report say how.

                A set is immutable; another set under the same name becomes its next version.
              parameters:
                - $ref: '#/components/parameters/Name'
                - name: role
                  in: query
                  description: What the set is for.
                  schema: { type: string, enum: [calibration, evaluation], default: calibration }
                - name: scale
                  in: query
                  description: Factor applied first; a number or a fraction.
                  example: 1/255
                  schema: { type: string, default: '1' }
                - name: mean
                  in: query
                  description: One number, or one for each channel, separated by commas.
                  example: 0.485,0.456,0.406
                  schema: { type: string }
                - name: std
                  in: query
                  description: One number, or one for each channel, separated by commas; never 0.
                  example: 0.229,0.224,0.225
                  schema: { type: string }
                - name: layout
                  in: query
                  description: How axes change after the arithmetic.
                  schema: { type: string, enum: [as-is, nhwc-to-nchw], default: as-is }
                - name: reverse_channels
                  in: query
                  description: Whether channels are reversed (RGB to BGR) before mean and std.
                  schema: { type: boolean, default: false }
                - name: preset
                  in: query
                  description: |
                    For pictures: the preprocessing of a family of models. What else is given goes before it; a scale of 1
                    counts as not given.
                    `imagenet-torch`: short side to 256/224 of the size, centre crop, (x/255 - mean) / std of ImageNet;
                    `imagenet-tf`: the same crop, x/127.5 - 1; `imagenet-caffe`: the same crop, BGR, the mean colour off
                    0...255; `yolo`: letterbox on 114 with the picture in the middle, x/255; `yolox`: letterbox on 114 with
                    the picture at the top left, BGR, 0...255; `unit`: stretched, x/255; `raw`: stretched, 0...255.
                  schema: { $ref: '#/components/schemas/Preset' }
                - name: size
                  in: query
                  description: For pictures and models that leave it open, HEIGHTxWIDTH, or one number for a square.
                  example: 480x640
                  schema: { type: string }
                - name: resize
                  in: query
                  description: |
                    For pictures: `stretch` to the size; `crop` the middle once the short side is `short_side`; `letterbox`
                    the whole picture and fill the rest.
                  schema: { $ref: '#/components/schemas/Resize' }
                - name: short_side
                  in: query
                  description: For cropped pictures, not less than the size; 256/224 of it when absent.
                  schema: { type: integer, minimum: 1, maximum: 8192 }
                - name: anchor
                  in: query
                  description: Where a letterboxed picture lies.
                  schema: { $ref: '#/components/schemas/Anchor' }
                - name: fill
                  in: query
                  description: Value of the pixels around a letterboxed picture; 114 when absent.
                  schema: { type: integer, minimum: 0, maximum: 255 }
                - name: interpolation
                  in: query
                  description: Pillow's filter of this name; `bilinear` when absent.
                  schema: { $ref: '#/components/schemas/Interpolation' }
                - name: split
                  in: query
                  description: The part of a data set that is read.
                  schema: { type: string, enum: [train, val, test, all] }
                - name: on_error
                  in: query
                  description: |
                    What a picture does that cannot be read or has bad labels: refuse the set (`fail`), or be left out,
                    counted and listed (`skip`).
                  schema: { type: string, enum: [fail, skip], default: fail }
                - $ref: '#/components/parameters/ContentDigest'
                - $ref: '#/components/parameters/ReprDigest'
              requestBody:
                required: true
                content:
                  application/octet-stream:
                    schema: {}
                  multipart/form-data:
                    schema:
                      type: object
                      required: [file]
                      properties:
                        file:
                          type: string
                          format: binary
                        preprocessing: { $ref: '#/components/schemas/PreprocessingRequest' }
              responses:
                '200':
                  description: The name has this very set already.
                  headers:
                    Location: { $ref: '#/components/headers/Location' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/SampleSet' }
                '201':
                  description: Stored.
                  headers:
                    Location: { $ref: '#/components/headers/Location' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/SampleSet' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '408': { $ref: '#/components/responses/Problem' }
                '413': { $ref: '#/components/responses/TooLarge' }
                '415': { $ref: '#/components/responses/Problem' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
                '507': { $ref: '#/components/responses/NoSpace' }
            get:
              tags: [calibration sets]
              operationId: listSampleSets
              summary: List sets, newest first
              parameters:
                - $ref: '#/components/parameters/Limit'
                - $ref: '#/components/parameters/After'
                - name: name
                  in: query
                  description: Only versions of this name.
                  schema: { type: string }
                - name: role
                  in: query
                  description: Only sets of this role.
                  schema: { type: string, enum: [calibration, evaluation] }
              responses:
                '200':
                  description: A page of sets.
                  headers:
                    Link: { $ref: '#/components/headers/Link' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/SampleSetList' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/calibration-sets/{id}:
            parameters:
              - $ref: '#/components/parameters/SampleSetId'
            get:
              tags: [calibration sets]
              operationId: getSampleSet
              summary: What is known of a set
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '200':
                  description: The set.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/SampleSet' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }
            delete:
              tags: [calibration sets]
              operationId: deleteSampleSet
              summary: Delete a set under all its names
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '204':
                  description: It is gone.
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/calibration-sets/{id}/content:
            parameters:
              - $ref: '#/components/parameters/SampleSetId'
            get:
              tags: [calibration sets]
              operationId: getSampleSetContent
              summary: The bytes of a set
              parameters: *download
              responses: *binary

          /v1/jobs:
            post:
              tags: [jobs]
              operationId: postJob
              summary: Ask for a conversion
              description: |
                Whatever can be known to be wrong is said now: unknown fields, a model or set that is not there, arrays
                that do not fit the model's inputs, a model that computes in integers already. With `dry_run` that is all, and
                nothing is queued.
              parameters:
                - name: dry_run
                  in: query
                  description: Only check, and say what would be done.
                  schema: { type: boolean, default: false }
                - name: Idempotency-Key
                  in: header
                  description: |
                    A key of the client's choice. The same key with the same body gives the first job again, with
                    `Idempotency-Replayed: true`; with another body it is refused. Kept for at least 24 hours.
                  schema: { type: string, minLength: 1, maxLength: 255 }
              requestBody:
                required: true
                content:
                  application/json:
                    schema: { $ref: '#/components/schemas/JobRequest' }
                    examples:
                      short:
                        value: { model: mobilenet, calibration_set: imagenet-128 }
                      long:
                        value:
                          model: mobilenet
                          calibration_set: imagenet-128@1
                          evaluation_set: imagenet-eval
                          targets: [onnxruntime-x64]
                          scheme: int8-static
                          options: { calibrator: percentile, percentile: 99.99, exclude: ['/head/*'], max_samples: 64 }
                          gate: { metric: top1, max_drop: 0.01 }
                          deadline: 15m
              responses:
                '200':
                  description: The dry run's result; a job with this body would be queued.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Admission' }
                '202':
                  description: Queued, or replayed.
                  headers:
                    Location: { $ref: '#/components/headers/Location' }
                    Retry-After: { $ref: '#/components/headers/RetryAfter' }
                    Idempotency-Replayed:
                      description: '`true` when the key was used before with the same body.'
                      schema: { type: string, const: 'true' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Job' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '413': { $ref: '#/components/responses/TooLarge' }
                '415': { $ref: '#/components/responses/Problem' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '429':
                  description: Too many jobs wait.
                  headers:
                    Retry-After: { $ref: '#/components/headers/RetryAfter' }
                  content:
                    application/problem+json:
                      schema: { $ref: '#/components/schemas/Problem' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }
            get:
              tags: [jobs]
              operationId: listJobs
              summary: List jobs, newest first
              parameters:
                - $ref: '#/components/parameters/Limit'
                - $ref: '#/components/parameters/After'
                - name: state
                  in: query
                  description: Only jobs in this state.
                  schema: { $ref: '#/components/schemas/JobState' }
              responses:
                '200':
                  description: A page of jobs.
                  headers:
                    Link: { $ref: '#/components/headers/Link' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/JobList' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/jobs/{id}:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [jobs]
              operationId: getJob
              summary: How a job is getting on
              description: |
                At once; or, with `wait`, when the job has ended or the time is over. With `If-None-Match` as well, as
                soon as anything but the estimate has changed; 304 when nothing has.

                As `text/event-stream`: an event `job` with this object at each change, an event `end` when the job has
                ended, and a comment every 15 seconds of silence.
              parameters:
                - name: wait
                  in: query
                  description: Seconds to wait for the job's end; the server may wait less.
                  schema: { type: number, minimum: 0 }
                - name: Prefer
                  in: header
                  description: '`wait=30` does the same (RFC 7240).'
                  schema: { type: string }
                - $ref: '#/components/parameters/IfMatch'
                - $ref: '#/components/parameters/IfNoneMatch'
              responses:
                '200':
                  description: The job.
                  headers:
                    ETag: { $ref: '#/components/headers/ETag' }
                    Preference-Applied:
                      description: How long the server was ready to wait.
                      schema: { type: string }
                    Retry-After: { $ref: '#/components/headers/RetryAfter' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Job' }
                    text/event-stream:
                      schema: { type: string }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }
            delete:
              tags: [jobs]
              operationId: deleteJob
              summary: Delete a job that has ended, with its results
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '200':
                  description: It is gone.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Deletion' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/jobs/{id}/cancel:
            parameters:
              - $ref: '#/components/parameters/JobId'
            post:
              tags: [jobs]
              operationId: cancelJob
              summary: Stop a job
              description: |
                A job that waits ends at once. A running one ends when its worker has been stopped; the answer does not
                wait.
              responses:
                '200':
                  description: The job has ended.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Job' }
                '202':
                  description: The job is being stopped.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Job' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/jobs/{id}/reproduce:
            parameters:
              - $ref: '#/components/parameters/JobId'
            post:
              tags: [jobs]
              operationId: reproduceJob
              summary: Run a job again and see whether the same bytes come out
              description: |
                A new job on the same model and sets. Its recipe is the `plan.record` of the first one's report, in which everything
                is written out that timing and the gate decided, so that the artifact is expected to be identical. When it has
                ended, `reproduces` in the job and in its report says whether it is, and what differs when it is not.
              parameters:
                - name: Idempotency-Key
                  in: header
                  description: As for a job.
                  schema: { type: string, minLength: 1, maxLength: 255 }
              requestBody:
                required: false
                content:
                  application/json:
                    schema:
                      type: object
                      additionalProperties: false
                      properties:
                        deadline:
                          description: Counted from now; seconds, or a text such as "90s", "15m", "2h".
                          type: [string, number]
              responses:
                '202':
                  description: Queued, or replayed.
                  headers:
                    Location: { $ref: '#/components/headers/Location' }
                    Retry-After: { $ref: '#/components/headers/RetryAfter' }
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Job' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '413': { $ref: '#/components/responses/TooLarge' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '429':
                  description: Too many jobs wait.
                  headers:
                    Retry-After: { $ref: '#/components/headers/RetryAfter' }
                  content:
                    application/problem+json:
                      schema: { $ref: '#/components/schemas/Problem' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/artifact:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getArtifact
              summary: The quantized model
              parameters: *download
              responses: &result
                '200': { $ref: '#/components/responses/Content' }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/artifacts/{target}:
            parameters:
              - $ref: '#/components/parameters/JobId'
              - name: target
                in: path
                required: true
                schema: { $ref: '#/components/schemas/Target' }
            get:
              tags: [results]
              operationId: getArtifactForTarget
              summary: The quantized model for one target
              parameters: *download
              responses: *result

          /v1/jobs/{id}/report:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getReport
              summary: What the conversion did, as JSON, as a page or as a text table by Accept
              description: Without an Accept field it is JSON.
              parameters:
                - name: Accept
                  in: header
                  schema: { type: string }
                  example: text/plain
                - $ref: '#/components/parameters/Range'
                - $ref: '#/components/parameters/IfRange'
                - $ref: '#/components/parameters/IfMatch'
                - $ref: '#/components/parameters/IfNoneMatch'
                - $ref: '#/components/parameters/AcceptEncoding'
              responses:
                '200':
                  description: The report.
                  headers: *contentHeaders
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Report' }
                    text/html:
                      schema: { type: string }
                    text/plain:
                      schema: { type: string }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '406': { $ref: '#/components/responses/Problem' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/report.json:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getReportJSON
              summary: The report as JSON
              parameters: *download
              responses:
                '200':
                  description: The report.
                  headers: *contentHeaders
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Report' }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/report.txt:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getReportText
              summary: The report as a text table
              parameters: *download
              responses: &textResult
                '200':
                  description: The text.
                  headers: *contentHeaders
                  content:
                    text/plain:
                      schema: { type: string }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/report.html:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getReportHTML
              summary: The report as one self-contained page
              parameters: *download
              responses:
                '200':
                  description: The page; it runs no script and loads nothing.
                  headers: *contentHeaders
                  content:
                    text/html:
                      schema: { type: string }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/plan:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getPlan
              summary: Every tensor's parameters, and the reason
              parameters: *download
              responses:
                '200':
                  description: The document.
                  headers: *contentHeaders
                  content:
                    application/json:
                      schema: { type: object }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/jobs/{id}/log:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getLog
              summary: What the worker printed; there for failed jobs too
              parameters: *download
              responses: *textResult

          /v1/jobs/{id}/provenance:
            parameters:
              - $ref: '#/components/parameters/JobId'
            get:
              tags: [results]
              operationId: getProvenance
              summary: How the artifact was made, signed
              description: |
                A DSSE envelope around an in-toto statement (v1) with a predicate of SLSA provenance (v1). It names the artifact, the
                report and the plan, the model and the sets by their SHA-256, and has what was asked for and what was decided. The
                signature is Ed25519's, by the key at `/v1/keys/provenance.pem`; the README has the commands that check it.
              parameters: *download
              responses:
                '200':
                  description: The envelope, one line of JSON.
                  headers: *contentHeaders
                  content:
                    application/vnd.dsse.envelope.v1+json:
                      schema: { $ref: '#/components/schemas/Envelope' }
                '206': { $ref: '#/components/responses/PartialContent' }
                '304': { $ref: '#/components/responses/NotModified' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '416': { $ref: '#/components/responses/BadRange' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/keys/provenance.pem:
            get:
              tags: [server]
              operationId: getProvenanceKey
              summary: The public key that statements of provenance are checked with
              parameters:
                - $ref: '#/components/parameters/IfMatch'
              responses:
                '200':
                  description: An Ed25519 key in PEM form (SubjectPublicKeyInfo).
                  headers:
                    ETag: { $ref: '#/components/headers/ETag' }
                  content:
                    application/x-pem-file:
                      schema: { type: string }
                '400': { $ref: '#/components/responses/BadRequest' }
                '412': { $ref: '#/components/responses/PreconditionFailed' }
                '500': { $ref: '#/components/responses/Problem' }

          /v1/compare:
            get:
              tags: [results]
              operationId: getComparison
              summary: Jobs of one model side by side, as JSON, as a page or as a text table by Accept
              description: |
                What their reports measured and what their plans decided; nothing is measured anew. Only finished jobs of one model
                can be compared: `different-models` (422), `job-not-finished` (409). Without an Accept field it is JSON.
              parameters:
                - $ref: '#/components/parameters/Jobs'
              responses:
                '200':
                  description: The comparison.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Comparison' }
                    text/html:
                      schema: { type: string }
                    text/plain:
                      schema: { type: string }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '406': { $ref: '#/components/responses/Problem' }
                '409': { $ref: '#/components/responses/Conflict' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/compare.json:
            get:
              tags: [results]
              operationId: getComparisonJSON
              summary: Jobs of one model side by side, as JSON
              parameters:
                - $ref: '#/components/parameters/Jobs'
              responses:
                '200':
                  description: The comparison.
                  content:
                    application/json:
                      schema: { $ref: '#/components/schemas/Comparison' }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/compare.txt:
            get:
              tags: [results]
              operationId: getComparisonText
              summary: Jobs of one model side by side, as a text table
              parameters:
                - $ref: '#/components/parameters/Jobs'
              responses:
                '200':
                  description: The comparison.
                  content:
                    text/plain:
                      schema: { type: string }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /v1/compare.html:
            get:
              tags: [results]
              operationId: getComparisonHTML
              summary: Jobs of one model side by side, as one self-contained page
              parameters:
                - $ref: '#/components/parameters/Jobs'
              responses:
                '200':
                  description: The comparison.
                  content:
                    text/html:
                      schema: { type: string }
                '400': { $ref: '#/components/responses/BadRequest' }
                '404': { $ref: '#/components/responses/NotFound' }
                '409': { $ref: '#/components/responses/Conflict' }
                '422': { $ref: '#/components/responses/Unprocessable' }
                '500': { $ref: '#/components/responses/Problem' }
                '503': { $ref: '#/components/responses/Unavailable' }

          /livez:
            get:
              tags: [server]
              operationId: getLivez
              summary: Whether the process answers; touches neither disk nor database
              responses:
                '200':
                  description: It does.
                  content:
                    text/plain:
                      schema: { type: string }

          /readyz:
            get:
              tags: [server]
              operationId: getReadyz
              summary: Whether a request sent now is likely to be served
              responses:
                '200':
                  description: It is.
                  content:
                    text/plain:
                      schema: { type: string }
                '503': { $ref: '#/components/responses/Unavailable' }

          /metrics:
            get:
              tags: [server]
              operationId: getMetrics
              summary: Counts in Prometheus' text format
              responses:
                '200':
                  description: The counts.
                  content:
                    text/plain:
                      schema: { type: string }
                '500': { $ref: '#/components/responses/Problem' }

          /openapi.yaml:
            get:
              tags: [server]
              operationId: getOpenAPI
              summary: This document
              responses:
                '200':
                  description: This document.
                  content:
                    application/yaml:
                      schema: { type: string }

        components:
          parameters:
            Name:
              name: name
              in: query
              description: A name for it, by which it can be referred to; the newest of a name wins.
              example: mobilenet
              schema: { $ref: '#/components/schemas/Name' }
            ModelId:
              name: id
              in: path
              required: true
              description: '`sha256:` and 64 hexadecimal digits, or a name.'
              schema: { type: string }
            SampleSetId:
              name: id
              in: path
              required: true
              description: '`sha256:` and 64 hexadecimal digits, `name` for its newest version, or `name@3`.'
              schema: { type: string }
            JobId:
              name: id
              in: path
              required: true
              schema: { type: string }
            Jobs:
              name: jobs
              in: query
              required: true
              description: 2 to 8 different jobs' ids, separated by commas.
              example: job_01kbv0000000000000000000aa,job_01kbv0000000000000000000ab
              schema: { type: string }
            Limit:
              name: limit
              in: query
              description: Items on a page.
              schema: { type: integer, minimum: 1, maximum: 200, default: 50 }
            After:
              name: after
              in: query
              description: Where to go on; `next` of the page before. Its form may change.
              schema: { type: string }
            ContentDigest:
              name: Content-Digest
              in: header
              description: The body's `sha-256` (RFC 9530); a body with another one is refused, and so are forms with one.
              example: 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
              schema: { type: string }
            ReprDigest:
              name: Repr-Digest
              in: header
              description: The same as Content-Digest, since uploads are not coded.
              schema: { type: string }
            Range:
              name: Range
              in: header
              description: One range of bytes; it is answered in the identity coding.
              example: bytes=0-1023
              schema: { type: string }
            IfRange:
              name: If-Range
              in: header
              description: The range counts only while this is the ETag.
              schema: { type: string }
            IfMatch:
              name: If-Match
              in: header
              description: |
                Tags of which one must be the current one, or `*`; else the answer is 412. Compares strongly. What has no `ETag`
                matches `*` alone.
              schema: { type: string }
            IfNoneMatch:
              name: If-None-Match
              in: header
              description: ETags that the client has.
              schema: { type: string }
            AcceptEncoding:
              name: Accept-Encoding
              in: header
              description: '`deflate` and `gzip` are there for contents that compress.'
              schema: { type: string }

          headers:
            Location:
              description: Where it is.
              schema: { type: string }
            Link:
              description: '`rel="next"` with the address of the next page, when there is one.'
              schema: { type: string }
            RetryAfter:
              description: Seconds after which to try again.
              schema: { type: integer }
            ETag:
              description: A strong tag.
              schema: { type: string }
            ReprDigest:
              description: '`sha-256` of the whole representation in the coding that is sent (RFC 9530).'
              schema: { type: string }
            AcceptRanges:
              description: '`bytes`'
              schema: { type: string }
            ContentDisposition:
              description: A good file name.
              schema: { type: string }
            ContentRange:
              description: Which bytes these are.
              schema: { type: string }
            Vary:
              description: The request's fields that chose the representation.
              schema: { type: string }

          responses:
            ModelKnown:
              description: The model is stored already.
              headers:
                Location: { $ref: '#/components/headers/Location' }
              content:
                application/json:
                  schema: { $ref: '#/components/schemas/Model' }
            ModelCreated:
              description: Stored.
              headers:
                Location: { $ref: '#/components/headers/Location' }
              content:
                application/json:
                  schema: { $ref: '#/components/schemas/Model' }
            Content:
              description: The bytes.
              headers: *contentHeaders
              content:
                application/octet-stream:
                  schema: {}
            PartialContent:
              description: The range, in the identity coding.
              headers:
                ETag: { $ref: '#/components/headers/ETag' }
                Repr-Digest: { $ref: '#/components/headers/ReprDigest' }
                Content-Range: { $ref: '#/components/headers/ContentRange' }
              content:
                '*/*':
                  schema: {}
            NotModified:
              description: The client has it.
              headers:
                ETag: { $ref: '#/components/headers/ETag' }
            PreconditionFailed:
              description: The thing is not, or no longer, the one that `If-Match` names; nothing was done.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            BadRange:
              description: The range lies beyond the content.
              headers:
                Content-Range: { $ref: '#/components/headers/ContentRange' }
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            BadRequest:
              description: |
                Malformed; `code` says in which way, such as `malformed-json`, `unknown-parameter`, `digest-mismatch`.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
                  example:
                    code: digest-mismatch
                    detail: The bytes that arrived are sha256:9f86..., not sha256:60303... They were not kept; send them again.
                    instance: /v1/models
                    status: 400
                    title: Bad Request
                    trace_id: 0000000000000007
                    type: urn:octavo:problem:digest-mismatch
            NotFound:
              description: There is no such thing.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            Conflict:
              description: |
                Not in this state: `in-use`, `job-not-finished`, `job-failed`, `job-cancelled`, `job-expired`, `no-record`.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            TooLarge:
              description: The body is larger than the server takes.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            Unprocessable:
              description: |
                Understood, and impossible: `invalid-request` with a pointer for each field, `unknown-reference`, or
                what a worker found: `invalid-model`, `corrupt-model`, `unsupported-model`, `already-quantized`,
                `nothing-to-quantize`, `invalid-calibration-set`, `missing-external-data`, `engine-crash`,
                `out-of-memory`, `timeout`.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
                  example:
                    code: invalid-request
                    detail: "/options/exlude: The field 'exlude' is unknown; did you mean 'exclude'?"
                    errors:
                      - detail: The field 'exlude' is unknown; did you mean 'exclude'?
                        pointer: /options/exlude
                    instance: /v1/jobs
                    status: 422
                    title: Unprocessable Content
                    trace_id: 4bf92f3577b34da6a3ce929d0e0e4736
                    type: urn:octavo:problem:invalid-request
            Unavailable:
              description: Not now.
              headers:
                Retry-After: { $ref: '#/components/headers/RetryAfter' }
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            NoSpace:
              description: The server's disk is too full.
              headers:
                Retry-After: { $ref: '#/components/headers/RetryAfter' }
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }
            Problem:
              description: What went wrong.
              content:
                application/problem+json:
                  schema: { $ref: '#/components/schemas/Problem' }

          schemas:
            Name:
              description: Letters, digits, dot, underscore and dash, not starting with a dot.
              type: string
              pattern: ^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$
            Digest:
              type: string
              pattern: ^sha256:[0-9a-f]{64}$
            Time:
              type: string
              format: date-time
              pattern: ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$
            Bytes:
              type: integer
              minimum: 0
            Target:
              description: |
                The runtime and processor that an artifact is made for. `onnxruntime-x64`: U8 activations, S8 weights.
                `onnxruntime-x64-avx2`: the same, with 7-bit weights where sums of products could saturate on processors without
                VNNI. `onnxruntime-arm`: S8 activations, S8 weights; on other machines its speed is not measured and nothing is
                decided by timing.
              type: string
              enum: [onnxruntime-x64, onnxruntime-x64-avx2, onnxruntime-arm]
            Scheme:
              description: |
                How values are represented. `int8-static`: 8-bit activations and weights wherever the runtime computes with them.
                `int8-weights`: 8-bit weights, restored at load, and float arithmetic. No timing decides in either, so that the same
                input gives the same bytes again.
                For models of MatMul and Gemm, without calibration or timing: `int8-dynamic` multiplies in integers (LSTM as well), with
                ranges of activations that are found in every run; `int8-blockwise` and `int4-blockwise` store weights in blocks of
                `options.block_size` inputs, each with a scale of its own (com.microsoft.MatMulNBits).
                `auto`: integers, less what the measuring machine runs faster in float; `plan.record` in the report is the recipe
                that gives the same artifact again without timing anything.
              type: string
              enum: [auto, int8-static, int8-weights, int8-dynamic, int8-blockwise, int4-blockwise]
              default: auto
            ElementType:
              type: string
              enum:
                - float32
                - float64
                - float16
                - bfloat16
                - uint8
                - int8
                - uint16
                - int16
                - uint32
                - int32
                - uint64
                - int64
                - bool
                - string
                - other
            Tensor:
              type: object
              additionalProperties: false
              required: [name, type]
              properties:
                name: { type: string }
                type: { $ref: '#/components/schemas/ElementType' }
                shape:
                  description: Absent when even the rank is unknown. A text is a size known only at run time.
                  type: array
                  items:
                    oneOf:
                      - type: integer
                      - type: string
            Finding:
              description: Something worth knowing. An error means that a job would be refused.
              type: object
              additionalProperties: false
              required: [severity, code, detail]
              properties:
                severity: { type: string, enum: [info, warning, error] }
                code: { type: string }
                detail: { type: string }
                pointer: { type: string }
            LintReport:
              type: object
              additionalProperties: false
              required: [schema, target, quantized, nodes, errors, warnings, rules, violations, omitted]
              properties:
                schema: { type: string, const: octavo-lint/1 }
                target: { $ref: '#/components/schemas/Target' }
                quantized:
                  description: Whether the model has Q/DQ or integer operators; one without breaks no rule.
                  type: boolean
                nodes:
                  description: Operators looked at, subgraphs included.
                  type: integer
                errors:
                  description: Violations that mean wrong numbers, lost accuracy or a file that does not load.
                  type: integer
                warnings:
                  description: Violations that cost speed.
                  type: integer
                rules:
                  description: The rules that are broken, errors first.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [code, severity, fault, cost, advice, violations]
                    properties:
                      code: { type: string }
                      severity: { type: string, enum: [error, warning] }
                      fault: { type: string }
                      cost:
                        description: What it costs; measured where it says so.
                        type: string
                      advice: { type: string }
                      violations: { type: integer }
                violations:
                  description: In the order of the graph, at most 1000.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [code, node, name, detail]
                    properties:
                      code: { type: string }
                      node:
                        description: Name of the node, or of what it makes when it has none.
                        type: string
                      name:
                        description: The operator.
                        type: string
                      tensor: { type: string }
                      detail: { type: string }
                omitted:
                  description: Violations that are counted but not listed.
                  type: integer
            Model:
              type: object
              additionalProperties: false
              required:
                - id
                - file
                - size
                - stored_size
                - external
                - created
                - format
                - ir_version
                - opsets
                - inputs
                - outputs
                - parameters
                - weight_bytes
                - operators
                - external_data
                - quantized
                - findings
              properties:
                id: { $ref: '#/components/schemas/Digest' }
                name:
                  description: The first name it was given.
                  type: string
                file: { type: string }
                size:
                  description: All files together.
                  $ref: '#/components/schemas/Bytes'
                stored_size:
                  description: The same on disk.
                  $ref: '#/components/schemas/Bytes'
                external:
                  description: Files of external data.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, digest, size]
                    properties:
                      name: { type: string }
                      digest: { $ref: '#/components/schemas/Digest' }
                      size: { $ref: '#/components/schemas/Bytes' }
                created: { $ref: '#/components/schemas/Time' }
                format: { type: string, enum: [onnx] }
                ir_version: { type: integer }
                opsets:
                  description: Operator set versions by domain.
                  type: object
                  additionalProperties: { type: integer }
                producer: { type: string }
                inputs:
                  type: array
                  items: { $ref: '#/components/schemas/Tensor' }
                outputs:
                  type: array
                  items: { $ref: '#/components/schemas/Tensor' }
                parameters:
                  description: Scalars in all initializers.
                  type: integer
                weight_bytes: { $ref: '#/components/schemas/Bytes' }
                operators:
                  description: How often each operator occurs.
                  type: object
                  additionalProperties: { type: integer }
                external_data:
                  description: File names of external data that the model refers to.
                  type: array
                  items: { type: string }
                quantized: { type: boolean }
                findings:
                  type: array
                  items: { $ref: '#/components/schemas/Finding' }
            ModelList:
              type: object
              additionalProperties: false
              required: [items]
              properties:
                items:
                  type: array
                  items: { $ref: '#/components/schemas/Model' }
                next: { type: string }
            StatisticsList:
              type: object
              additionalProperties: false
              required: [items]
              properties:
                items:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [key, model, calibration_set, samples, tensors, size, created, href]
                    properties:
                      key: { $ref: '#/components/schemas/Digest' }
                      model: { $ref: '#/components/schemas/Digest' }
                      calibration_set: { $ref: '#/components/schemas/Digest' }
                      samples:
                        type: integer
                        minimum: 0
                      tensors:
                        type: integer
                        minimum: 0
                      size: { $ref: '#/components/schemas/Bytes' }
                      created: { $ref: '#/components/schemas/Time' }
                      href: { type: string }
                next: { type: string }
            Statistics:
              type: object
              additionalProperties: false
              required: [schema, key, samples, tensors]
              properties:
                schema:
                  type: string
                  const: octavo-statistics/1
                key:
                  description: |
                    Digest of everything that the statistics depend on: the float graph and its observed tensors, the samples in any
                    order, their preprocessing, engine, processor, and the version of the observer.
                  type: string
                  pattern: ^sha256:[0-9a-f]{64}$
                samples:
                  type: integer
                  minimum: 0
                tensors:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, values, not_finite]
                    properties:
                      name: { type: string }
                      values:
                        description: Finite values over all samples, where the histogram counts a part of them nearly so.
                        type: integer
                        minimum: 0
                      not_finite:
                        description: NaN and infinite values.
                        type: integer
                        minimum: 0
                      minimum:
                        description: Absent, as the other three, where no sample brought the tensor a finite value.
                        type: number
                      maximum: { type: number }
                      mean_minimum:
                        description: Mean over the samples of the least value of each.
                        type: number
                      mean_maximum: { type: number }
            Preprocessing:
              type: object
              additionalProperties: false
              required: [scale, mean, std, reverse_channels, layout]
              properties:
                scale: { type: number }
                mean:
                  type: array
                  items: { type: number }
                std:
                  type: array
                  items: { type: number }
                reverse_channels: { type: boolean }
                layout: { type: string, enum: [as-is, nhwc-to-nchw] }
                pictures:
                  description: How pictures become arrays; what is absent follows from the preset or the model.
                  type: object
                  additionalProperties: false
                  required: [on_error]
                  properties:
                    preset: { $ref: '#/components/schemas/Preset' }
                    size:
                      description: One number, or height and width.
                      type: array
                      items: { type: integer }
                      minItems: 1
                      maxItems: 2
                    resize: { $ref: '#/components/schemas/Resize' }
                    short_side: { type: integer }
                    anchor: { $ref: '#/components/schemas/Anchor' }
                    fill: { type: integer }
                    interpolation: { $ref: '#/components/schemas/Interpolation' }
                    split: { type: string, enum: [train, val, test, all] }
                    on_error: { type: string, enum: [fail, skip] }
            Preset:
              type: string
              enum: [imagenet-torch, imagenet-tf, imagenet-caffe, yolo, yolox, unit, raw]
            Resize: { type: string, enum: [stretch, crop, letterbox] }
            Anchor: { type: string, enum: [center, top-left] }
            Interpolation: { type: string, enum: [bilinear, bicubic, lanczos, nearest] }
            PreprocessingRequest:
              type: object
              additionalProperties: false
              properties:
                scale:
                  description: A number, or a fraction such as "1/255".
                  type: [number, string]
                mean:
                  type: [number, array]
                  items: { type: number }
                std:
                  type: [number, array]
                  items: { type: number }
                reverse_channels: { type: boolean }
                layout: { type: string, enum: [as-is, nhwc-to-nchw] }
                preset: { $ref: '#/components/schemas/Preset' }
                size:
                  description: HEIGHTxWIDTH, or one number for a square.
                  type: [string, integer]
                resize: { $ref: '#/components/schemas/Resize' }
                short_side: { type: integer, minimum: 1, maximum: 8192 }
                anchor: { $ref: '#/components/schemas/Anchor' }
                fill: { type: integer, minimum: 0, maximum: 255 }
                interpolation: { $ref: '#/components/schemas/Interpolation' }
                split: { type: string, enum: [train, val, test, all] }
                on_error: { type: string, enum: [fail, skip], default: fail }
            SampleSet:
              type: object
              additionalProperties: false
              required:
                - id
                - name
                - version
                - reference
                - role
                - size
                - created
                - format
                - samples
                - arrays
                - labelled
                - preprocessing
                - findings
              properties:
                id:
                  description: SHA-256 of the bytes; of the bytes and the preprocessing when there is one.
                  $ref: '#/components/schemas/Digest'
                name: { type: string }
                version: { type: integer, minimum: 1 }
                reference:
                  description: Name and version, as in `imagenet@3`.
                  type: string
                role: { type: string, enum: [calibration, evaluation] }
                size: { $ref: '#/components/schemas/Bytes' }
                created: { $ref: '#/components/schemas/Time' }
                format:
                  description: '`zip` is one of pictures.'
                  type: string
                  enum: [npy, npz, zip]
                samples: { type: integer, minimum: 0 }
                arrays:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, type, shape]
                    properties:
                      name: { type: string }
                      type: { $ref: '#/components/schemas/ElementType' }
                      shape:
                        type: array
                        items: { type: integer }
                      minimum: { type: number }
                      maximum: { type: number }
                labelled:
                  description: Whether there are class indices, in an array `labels` or as labels of pictures.
                  type: boolean
                pictures: { $ref: '#/components/schemas/Pictures' }
                preprocessing: { $ref: '#/components/schemas/Preprocessing' }
                health:
                  description: How far the set shows the ranges of its kind.
                  type: object
                  additionalProperties: false
                  required: [duplicates, constant, convergence]
                  properties:
                    duplicates:
                      description: Samples that repeat another one byte for byte.
                      type: integer
                    constant:
                      description: Samples whose values are all the same.
                      type: integer
                    convergence:
                      description: |
                        What part of the whole range the first so many samples span, of the array whose range comes last.
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [samples, share]
                        properties:
                          samples: { type: integer }
                          share: { type: number }
                    expected_growth:
                      description: By what part of it one more sample can be expected to widen the range.
                      type: number
                findings:
                  type: array
                  items: { $ref: '#/components/schemas/Finding' }
            Pictures:
              description: What a zip of pictures holds besides its pixels.
              type: object
              additionalProperties: false
              required: [jpeg, png, smallest, largest, labels, classes, skipped, skipped_count]
              properties:
                jpeg: { type: integer }
                png: { type: integer }
                smallest: { $ref: '#/components/schemas/PictureSize' }
                largest: { $ref: '#/components/schemas/PictureSize' }
                labels:
                  description: The form of the labels that were found.
                  type: string
                  enum: [none, csv, folders, yolo, coco]
                classes:
                  description: Names of the classes by index; empty when the zip has none.
                  type: array
                  items: { type: string }
                boxes:
                  description: Labelled objects over all pictures.
                  type: integer
                split:
                  description: The part of a data set that was read; absent when it has one only.
                  type: string
                skipped:
                  description: Files left out, at most 100 of them.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [file, reason]
                    properties:
                      file: { type: string }
                      reason: { type: string }
                skipped_count: { type: integer }
            PictureSize:
              type: object
              additionalProperties: false
              required: [width, height]
              properties:
                width: { type: integer }
                height: { type: integer }
            SampleSetList:
              type: object
              additionalProperties: false
              required: [items]
              properties:
                items:
                  type: array
                  items: { $ref: '#/components/schemas/SampleSet' }
                next: { type: string }
            Options:
              type: object
              additionalProperties: false
              properties:
                calibrator:
                  description: |
                    How ranges are chosen. `auto` takes for each tensor what errs least, `min-max` its extremes, `mean-min-max` the
                    mean over the samples of each one's extremes (low = sum of min(x_i) / N, high = sum of max(x_i) / N for the samples
                    x_1 to x_N), `percentile` all but the outermost values, `mse` the least squared error, `entropy` the most
                    information.
                  type: string
                  enum: [auto, min-max, mean-min-max, percentile, mse, entropy]
                  default: auto
                percentile:
                  description: Share of the values kept, in percent, for the calibrator of that name.
                  type: number
                  exclusiveMinimum: 50
                  maximum: 100
                  default: 99.99
                rounding:
                  description: |
                    How weights become integers: by the covariance of the inputs in the layers where that leaves clearly less noise
                    (`auto`), or each to its nearest.
                  type: string
                  enum: [auto, nearest]
                  default: auto
                min_layer_sqnr:
                  description: |
                    A layer that alone in integers keeps less than this of its signal over its noise, in dB, stays float. When absent
                    24, or 28 where the model follows FP32 poorly and gains by it.
                  type: number
                  minimum: 0
                  maximum: 100
                activations:
                  description: |
                    Bits of activations. `int16` is for targets that compute with 16: ONNX Runtime runs such layers in float, and
                    the report says so. With the schemes `auto` and `int8-static` only.
                  type: string
                  enum: [int8, int16]
                  default: int8
                smooth:
                  description: |
                    SmoothQuant (arXiv:2211.10438): part of the spread between the channels of what a MatMul or Gemm reads moves into its
                    weights. The float model stays the same, bit for bit.
                  type: boolean
                  default: false
                equalize:
                  description: |
                    Cross-layer equalization (arXiv:1906.04721): Convs with no more than a Relu between them share out the ranges of
                    their channels. The float model stays the same, bit for bit.
                  type: boolean
                  default: false
                block_size:
                  description: How many inputs share a scale under the block-wise schemes. 32 when absent.
                  type: integer
                  enum: [16, 32, 64, 128, 256]
                embeddings:
                  description: |
                    How tables are stored of which only rows are looked up (Gather): `int8` with one scale for each row, restored as
                    they are looked up. `auto` does so where they are a tenth of the model or more, and always under the objective
                    `size`.
                  type: string
                  enum: [auto, float, int8]
                  default: auto
                exclude:
                  description: |
                    Names of nodes that stay float; `*` stands for anything, `\*` for an asterisk and `\\` for a backslash.
                  type: array
                  items: { type: string }
                  maxItems: 10000
                head:
                  description: |
                    How a detector's outputs are read; recognised from their shapes and values when absent. `yolo`: [1, 4 + K, N],
                    centre, size, K scores; `yolo-objectness`: [1, N, 5 + K] with an objectness before the scores; `yolox`: the
                    same as exported, relative to grids of 8, 16 and 32; `end-to-end`: [1, M, 6], corners, score, class, nothing
                    left to suppress; `detr`: [1, M, 4 + K], centre and size as shares of the input, K scores, an object for each
                    row; `ssd`: corners [1, N, 4] as shares of the input and scores [1, N, K]; `none`: no boxes. All but the last
                    three may have more numbers behind the scores, or behind the class: of a mask, whose P prototypes are a
                    second output [1, P, H, W], or of keypoints (x, y, visibility).
                  type: string
                  enum: [yolo, yolo-objectness, yolox, end-to-end, detr, ssd, none]
                max_samples:
                  description: At most so many samples are used for calibration.
                  type: integer
                  minimum: 1
                threads:
                  description: Engine threads; the server's setting when absent.
                  type: integer
                  minimum: 1
                  maximum: 256
            Gate:
              description: |
                What the artifact must keep on those evaluation samples that are not in the calibration set. Where the usual
                artifact keeps too little, layers go back to float, the most disturbing for the time they save first, as few as the
                gate needs; the report lists what was tried. When nothing passes, the job fails and names the best.
              type: object
              additionalProperties: false
              required: [metric, max_drop]
              properties:
                metric:
                  description: |
                    top1: labelled accuracy, FP32 minus INT8. top1-agreement: 1 minus the share of samples with the same best
                    class; for outputs of a class at each place (sequences, segmentations), of places. cosine: 1 minus the cosine between the outputs of FP32 and INT8, where it is lowest. map: mean average
                    precision over IoU 0.50 to 0.95 as COCO counts it, on labelled boxes, FP32 minus INT8. map-agreement: 1 minus
                    that precision of INT8 with FP32's confident boxes as labels.
                  type: string
                  enum: [top1, top1-agreement, cosine, map, map-agreement]
                max_drop: { type: number, minimum: 0, maximum: 1 }
            Objective:
              description: |
                What the scheme `auto` chooses by, among the forms that keep accuracy: the gate where there is one, or else likeness to
                FP32. `latency`: the fastest on the measuring machine. `size`: the smallest file that is not slower than FP32 there;
                weights in blocks of 4 and 8 bits compete as well, tables of embeddings are stored in 8 bits, and of files within 2 %
                of the smallest the fastest is taken. Without a gate, accuracy is kept by a form that follows FP32, on calibration
                samples, as closely as the static integer form or with an SQNR of at least 30 dB. When no form does, the job ends as
                it would by `latency`. `latency` when absent; `size` needs the scheme `auto`.
              type: string
              enum: [latency, size]
            JobRequest:
              type: object
              additionalProperties: false
              required: [model, calibration_set]
              properties:
                model:
                  description: Digest or name.
                  type: string
                calibration_set:
                  description: Digest, name or name@version.
                  type: string
                evaluation_set:
                  description: Digest, name or name@version.
                  type: string
                target: { $ref: '#/components/schemas/Target' }
                targets:
                  description: In place of `target`; one entry at present.
                  type: array
                  minItems: 1
                  maxItems: 1
                  items: { $ref: '#/components/schemas/Target' }
                scheme: { $ref: '#/components/schemas/Scheme' }
                options: { $ref: '#/components/schemas/Options' }
                gate: { $ref: '#/components/schemas/Gate' }
                objective: { $ref: '#/components/schemas/Objective' }
                deadline:
                  description: Counted from now; seconds, or a text such as "90s", "15m", "2h".
                  type: [string, number]
            JobState:
              description: The last four never change.
              type: string
              enum: [queued, running, succeeded, failed, cancelled, expired]
            Failure:
              type: object
              additionalProperties: false
              required: [type, detail, retryable, fault]
              properties:
                type:
                  type: string
                  enum:
                    - invalid-model
                    - corrupt-model
                    - unsupported-model
                    - already-quantized
                    - nothing-to-quantize
                    - missing-external-data
                    - invalid-calibration-set
                    - gate-not-met
                    - out-of-memory
                    - out-of-disk
                    - timeout
                    - engine-crash
                    - engine-missing
                    - internal
                stage: { $ref: '#/components/schemas/Stage' }
                detail: { type: string }
                pointer:
                  description: The input, tensor or node that it is about.
                  type: string
                retryable: { type: boolean }
                fault: { type: string, enum: [user, service] }
            Stage:
              type: string
              enum: [load, prepare, calibrate, quantize, verify, measure, publish]
            Artifact:
              type: object
              additionalProperties: false
              required: [kind, name, media_type, digest, size, href]
              properties:
                kind: { type: string, enum: [artifact, report, report-text, report-html, plan, log, provenance] }
                name: { type: string }
                media_type: { type: string }
                digest: { $ref: '#/components/schemas/Digest' }
                size: { $ref: '#/components/schemas/Bytes' }
                href: { type: string }
            Job:
              type: object
              additionalProperties: false
              required:
                - id
                - state
                - model
                - calibration_set
                - targets
                - scheme
                - options
                - progress
                - attempt
                - max_attempts
                - created
                - cancel_requested
                - artifacts
              properties:
                id: { type: string, pattern: '^job_[0-9a-z]{26}$' }
                state: { $ref: '#/components/schemas/JobState' }
                model: { $ref: '#/components/schemas/Digest' }
                calibration_set: { $ref: '#/components/schemas/Digest' }
                evaluation_set: { $ref: '#/components/schemas/Digest' }
                targets:
                  type: array
                  items: { $ref: '#/components/schemas/Target' }
                scheme: { $ref: '#/components/schemas/Scheme' }
                options: { $ref: '#/components/schemas/Options' }
                gate: { $ref: '#/components/schemas/Gate' }
                objective: { $ref: '#/components/schemas/Objective' }
                deadline_seconds: { type: number }
                phase:
                  description: What the worker does, or did last.
                  $ref: '#/components/schemas/Stage'
                progress:
                  description: Share of the work that is done.
                  type: number
                  minimum: 0
                  maximum: 1
                queue_position:
                  description: 1 is next.
                  type: integer
                  minimum: 1
                eta_seconds:
                  description: When it may be done, as a range.
                  type: object
                  additionalProperties: false
                  required: [low, high]
                  properties:
                    low: { type: integer }
                    high: { type: integer }
                attempt:
                  description: 0 before the first.
                  type: integer
                  minimum: 0
                max_attempts: { type: integer, minimum: 1 }
                created: { $ref: '#/components/schemas/Time' }
                started: { $ref: '#/components/schemas/Time' }
                finished: { $ref: '#/components/schemas/Time' }
                cancel_requested: { type: boolean }
                verdict:
                  description: The report's verdict in one line.
                  type: string
                failure:
                  description: Why it failed; in a job that waits again, why the last attempt did.
                  $ref: '#/components/schemas/Failure'
                reproduces: { $ref: '#/components/schemas/Reproduction' }
                artifacts:
                  type: array
                  items: { $ref: '#/components/schemas/Artifact' }
            JobList:
              type: object
              additionalProperties: false
              required: [items]
              properties:
                items:
                  type: array
                  items: { $ref: '#/components/schemas/Job' }
                next: { type: string }
            AdmittedSet:
              type: object
              additionalProperties: false
              required: [id, samples, bindings]
              properties:
                id: { $ref: '#/components/schemas/Digest' }
                samples: { type: integer }
                bindings:
                  description: Which array feeds which input.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [input, array, whole_inputs, sample_shape]
                    properties:
                      input: { type: string }
                      array: { type: string }
                      whole_inputs:
                        description: Whether each sample is a whole input, rather than one row of a batch.
                        type: boolean
                      sample_shape:
                        type: array
                        items: { type: integer }
            Admission:
              type: object
              additionalProperties: false
              required: [model, calibration_set, targets, scheme, options, findings, predicted, queue_length]
              properties:
                model: { $ref: '#/components/schemas/Digest' }
                calibration_set: { $ref: '#/components/schemas/AdmittedSet' }
                evaluation_set: { $ref: '#/components/schemas/AdmittedSet' }
                targets:
                  type: array
                  items: { $ref: '#/components/schemas/Target' }
                scheme: { $ref: '#/components/schemas/Scheme' }
                options: { $ref: '#/components/schemas/Options' }
                gate: { $ref: '#/components/schemas/Gate' }
                objective: { $ref: '#/components/schemas/Objective' }
                deadline_seconds: { type: number }
                findings:
                  type: array
                  items: { $ref: '#/components/schemas/Finding' }
                predicted:
                  type: object
                  additionalProperties: false
                  required: [sample_passes, input_bytes, memory_limit_bytes]
                  properties:
                    sample_passes:
                      description: Samples through the model; calibration once, evaluation in FP32 and in INT8.
                      type: integer
                    input_bytes: { $ref: '#/components/schemas/Bytes' }
                    memory_limit_bytes: { $ref: '#/components/schemas/Bytes' }
                queue_length: { type: integer }
            Interval:
              description: Of 95 %.
              type: object
              additionalProperties: false
              required: [low, high]
              properties:
                low: { type: number }
                high: { type: number }
            Conditions:
              description: "What an artifact's bytes may depend on besides its inputs and its recipe."
              type: object
              additionalProperties: false
              properties:
                octavo_version: { type: string }
                engine: { type: string }
                engine_version: { type: string }
                kernels: { type: string }
                processor: { type: string }
            Reproduction:
              description: For a job that repeats another one.
              type: object
              additionalProperties: false
              required: [job, expected, original]
              properties:
                job:
                  description: The job that is repeated.
                  type: string
                expected:
                  description: Digest of its artifact.
                  $ref: '#/components/schemas/Digest'
                original: { $ref: '#/components/schemas/Conditions' }
                digest:
                  description: Digest of the artifact that came out; absent before the end.
                  $ref: '#/components/schemas/Digest'
                identical: { type: boolean }
                reasons:
                  description: What is known to differ between the two runs, when the bytes do.
                  type: array
                  items:
                    type: string
            Envelope:
              description: DSSE, version 1.
              type: object
              additionalProperties: false
              required: [payload, payloadType, signatures]
              properties:
                payload:
                  description: The in-toto statement in base64.
                  type: string
                payloadType:
                  type: string
                  const: application/vnd.in-toto+json
                signatures:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [keyid, sig]
                    properties:
                      keyid:
                        description: SHA-256 of the public key's DER form.
                        type: string
                      sig:
                        description: Ed25519 over "DSSEv1 28 application/vnd.in-toto+json LENGTH PAYLOAD", in base64.
                        type: string
            Comparison:
              description: Jobs of one model side by side.
              type: object
              additionalProperties: false
              required: [schema, model, jobs, options, notes]
              properties:
                schema:
                  type: string
                  const: octavo-compare/1
                model:
                  type: object
                  additionalProperties: false
                  required: [id]
                  properties:
                    id: { $ref: '#/components/schemas/Digest' }
                    name: { type: string }
                jobs:
                  type: array
                  items:
                    $ref: '#/components/schemas/ComparedJob'
                options:
                  description: Only those that are not the same in all jobs.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, values]
                    properties:
                      name: { type: string }
                      values:
                        description: In the order of the jobs; null where a job has none.
                        type: array
                        items:
                          type: [string, 'null']
                plan: { $ref: '#/components/schemas/PlanComparison' }
                notes:
                  description: What must be kept in mind when the numbers are put beside each other.
                  type: array
                  items:
                    type: string
            ComparedJob:
              description: "One job's numbers; what it did not measure is absent."
              type: object
              additionalProperties: false
              required: [id, href, target, scheme]
              properties:
                id: { type: string }
                href: { type: string }
                finished: { $ref: '#/components/schemas/Time' }
                verdict: { type: string }
                target: { $ref: '#/components/schemas/Target' }
                scheme: { $ref: '#/components/schemas/Scheme' }
                artifact:
                  type: object
                  additionalProperties: false
                  required: [digest, size, href]
                  properties:
                    digest: { $ref: '#/components/schemas/Digest' }
                    size: { $ref: '#/components/schemas/Bytes' }
                    href: { type: string }
                held_out:
                  description: Whether quality was judged on samples of which calibration had not seen all.
                  type: boolean
                accuracy: { $ref: '#/components/schemas/ReportAccuracy' }
                detection: { $ref: '#/components/schemas/ReportDetection' }
                fidelity:
                  type: object
                  additionalProperties: false
                  required: [samples]
                  properties:
                    samples:
                      type: integer
                      minimum: 0
                    top1_agreement:
                      type: number
                      minimum: 0
                      maximum: 1
                    same_choices:
                      description: Share of the places (steps of a sequence, pixels) with the same best class.
                      type: number
                      minimum: 0
                      maximum: 1
                    sqnr_db: { type: number }
                    cosine: { type: number }
                gate: { $ref: '#/components/schemas/ReportGate' }
                latency:
                  type: object
                  additionalProperties: false
                  required: [speedup, speedup_interval, noise_floor, stability, threads]
                  properties:
                    fp32_p50_ms: { type: number }
                    int8_p50_ms: { type: number }
                    fp32_p99_ms: { type: number }
                    int8_p99_ms: { type: number }
                    speedup: { type: number }
                    speedup_interval: { $ref: '#/components/schemas/Interval' }
                    noise_floor: { type: number }
                    stability:
                      type: string
                      enum: [stable, drifting, unstable, disturbed]
                    threads:
                      type: integer
                      minimum: 0
                    processor: { type: string }
                size: { $ref: '#/components/schemas/ReportSize' }
                coverage:
                  type: object
                  additionalProperties: false
                  properties:
                    mac_share:
                      type: number
                      minimum: 0
                      maximum: 1
                    node_share:
                      type: number
                      minimum: 0
                      maximum: 1
                plan:
                  type: object
                  additionalProperties: false
                  properties:
                    form: { type: string }
                    quantized_activations:
                      type: integer
                      minimum: 0
                    quantized_weights:
                      type: integer
                      minimum: 0
                    kept_float:
                      type: integer
                      minimum: 0
            PlanComparison:
              description: Where the plans part.
              type: object
              additionalProperties: false
              required: [nodes_differing, nodes, tensors_differing, tensors]
              properties:
                nodes_differing:
                  type: integer
                  minimum: 0
                nodes:
                  description: The first 100 of them.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [node, op, fates]
                    properties:
                      node: { type: string }
                      op: { type: string }
                      fates:
                        type: array
                        items:
                          type: [string, 'null']
                tensors_differing:
                  type: integer
                  minimum: 0
                tensors:
                  description: The 100 whose ranges differ most.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [tensor, ranges]
                    properties:
                      tensor: { type: string }
                      ranges:
                        type: array
                        items:
                            oneOf:
                              - type: 'null'
                              - type: object
                                additionalProperties: false
                                required: [low, high]
                                properties:
                                  low: { type: number }
                                  high: { type: number }
            ReportGate:
              description: The bound that was asked for, and what came out.
              type: object
              additionalProperties: false
              required: [metric, max_drop, met, detail]
              properties:
                metric: { type: string }
                max_drop: { type: number }
                drop: { type: number }
                met: { type: boolean }
                detail: { type: string }
            ReportSize:
              type: object
              additionalProperties: false
              required: [model_bytes, artifact_bytes]
              properties:
                model_bytes: { $ref: '#/components/schemas/Bytes' }
                artifact_bytes: { $ref: '#/components/schemas/Bytes' }
                ratio: { type: number }
                model_weight_bytes: { $ref: '#/components/schemas/Bytes' }
                artifact_weight_bytes: { $ref: '#/components/schemas/Bytes' }
                artifact_stored_bytes:
                  description: |
                    The artifact's zlib stream, on the server's disk and on the wire as `deflate`; what is not smaller than the
                    artifact is sent only to clients that refuse `identity`.
                  type: integer
                  minimum: 0
                artifact_gzip_bytes:
                  description: The same as `gzip`.
                  type: integer
                  minimum: 0
            ReportScore:
              description: "Share of correct samples, with Wilson's interval."
              type: object
              additionalProperties: false
              required: [correct, share, interval]
              properties:
                correct:
                  type: integer
                  minimum: 0
                share:
                  type: number
                  minimum: 0
                  maximum: 1
                interval: { $ref: '#/components/schemas/Interval' }
            ReportAccuracy:
              description: Against class labels, both models on the same samples.
              type: object
              additionalProperties: false
              required: [output, classes, samples, fp32_top1, int8_top1, delta, delta_interval, lost, gained, mcnemar_p]
              properties:
                output: { type: string }
                classes:
                  type: integer
                  minimum: 0
                samples:
                  type: integer
                  minimum: 0
                fp32_top1: { $ref: '#/components/schemas/ReportScore' }
                int8_top1: { $ref: '#/components/schemas/ReportScore' }
                fp32_top5: { $ref: '#/components/schemas/ReportScore' }
                int8_top5: { $ref: '#/components/schemas/ReportScore' }
                delta:
                  description: INT8 minus FP32.
                  type: number
                delta_interval:
                  description: Of the paired difference.
                  $ref: '#/components/schemas/Interval'
                lost:
                  description: Samples that only FP32 gets right.
                  type: integer
                  minimum: 0
                gained:
                  description: Samples that only INT8 gets right.
                  type: integer
                  minimum: 0
                mcnemar_p:
                  description: McNemar's exact test on the two.
                  type: number
                  minimum: 0
                  maximum: 1
                kept:
                  description: INT8's top-1 over FP32's.
                  type: number
            ReportPrecision:
              description: Mean average precision as COCO counts it, over IoU 0.50 to 0.95 and at 0.50.
              type: object
              additionalProperties: false
              required: [map, map50]
              properties:
                map:
                  type: number
                  minimum: 0
                  maximum: 1
                map50:
                  type: number
                  minimum: 0
                  maximum: 1
            ReportDetection:
              description: Boxes of both models.
              type: object
              additionalProperties: false
              required:
                - head
                - outputs
                - classes
                - samples
                - min_score
                - suppression_iou
                - confident_score
                - fp32_confident
                - int8_confident
                - matched
              properties:
                head: { type: string }
                outputs:
                  type: array
                  items:
                    type: string
                classes:
                  type: integer
                  minimum: 0
                unread:
                  description: Numbers of each box that are not judged here, those of its mask or its keypoints. Absent without any.
                  type: integer
                  minimum: 1
                samples:
                  type: integer
                  minimum: 0
                min_score: { type: number }
                suppression_iou: { type: number }
                labelled:
                  type: object
                  additionalProperties: false
                  required: [objects, fp32, int8, delta, delta_interval]
                  properties:
                    objects:
                      type: integer
                      minimum: 0
                    fp32: { $ref: '#/components/schemas/ReportPrecision' }
                    int8: { $ref: '#/components/schemas/ReportPrecision' }
                    delta: { type: number }
                    delta_interval: { $ref: '#/components/schemas/Interval' }
                agreement: { $ref: '#/components/schemas/ReportPrecision' }
                confident_score: { type: number }
                fp32_confident:
                  type: integer
                  minimum: 0
                int8_confident:
                  type: integer
                  minimum: 0
                score_shift: { type: number }
                matched:
                  type: integer
                  minimum: 0
            ReportFidelity:
              description: Likeness to FP32, which needs no labels.
              type: object
              additionalProperties: false
              required: [samples, outputs, worst]
              properties:
                samples:
                  type: integer
                  minimum: 0
                outputs:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, values, max_abs_error, mean_abs_error, identical, incomparable, broken]
                    properties:
                      name: { type: string }
                      values:
                        type: integer
                        minimum: 0
                      sqnr_db: { type: number }
                      cosine: { type: number }
                      correlation:
                        description: Pearson's, over all values of all samples.
                        type: number
                      mean_sample_cosine:
                        description: Cosine of each sample's output by itself, the mean over the samples.
                        type: number
                      worst_sample_cosine: { type: number }
                      max_abs_error: { type: number }
                      mean_abs_error: { type: number }
                      identical: { type: boolean }
                      incomparable:
                        type: integer
                        minimum: 0
                      broken:
                        type: integer
                        minimum: 0
                      choices:
                        description: |
                          For an output that holds a class for each of its places, such as the steps of a sequence or the pixels of a
                          segmentation: values that add up to one along an axis (or whose exponentials do), or integers. How often
                          INT8 chooses what FP32 chooses.
                        type: object
                        additionalProperties: false
                        required: [samples, places, same, same_interval, whole, whole_interval]
                        properties:
                          axis:
                            description: The axis whose largest value is the choice. Absent where the values themselves are.
                            type: integer
                            minimum: 0
                          classes:
                            type: integer
                            minimum: 2
                          samples:
                            type: integer
                            minimum: 1
                          places:
                            description: Over all samples.
                            type: integer
                            minimum: 1
                          same:
                            description: Share of places with the same choice.
                            type: number
                            minimum: 0
                            maximum: 1
                          same_interval: { $ref: '#/components/schemas/Interval' }
                          whole:
                            description: Samples with the same choice at every place.
                            type: integer
                            minimum: 0
                          whole_interval: { $ref: '#/components/schemas/Interval' }
                          mean_iou:
                            description: |
                              Intersection over union of a class's places, the mean over the classes that either model gives. Only
                              where the places form a picture.
                            type: number
                            minimum: 0
                            maximum: 1
                agreement:
                  type: object
                  additionalProperties: false
                  required: [output, classes, samples, top1, top1_interval]
                  properties:
                    output: { type: string }
                    classes:
                      type: integer
                      minimum: 0
                    samples:
                      type: integer
                      minimum: 0
                    top1:
                      type: number
                      minimum: 0
                      maximum: 1
                    top1_interval: { $ref: '#/components/schemas/Interval' }
                    top5:
                      type: number
                      minimum: 0
                      maximum: 1
                    kl_divergence:
                      description: From FP32's class probabilities to INT8's, in nats, mean over the samples.
                      type: number
                      minimum: 0
                    fp32_confidence:
                      description: Probability of the best class, mean over the samples.
                      type: number
                    int8_confidence: { type: number }
                    close_calls:
                      description: |
                        The quarter of the samples with the least margin, FP32's best score less its second best. Absent for fewer
                        than eight samples.
                      type: object
                      additionalProperties: false
                      required: [samples, margin, top1, top1_interval]
                      properties:
                        samples:
                          type: integer
                          minimum: 0
                        margin:
                          description: The largest among them.
                          type: number
                          minimum: 0
                        top1:
                          type: number
                          minimum: 0
                          maximum: 1
                        top1_interval: { $ref: '#/components/schemas/Interval' }
                worst:
                  description: The samples that suffer most, worst first.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [index]
                    properties:
                      index:
                        type: integer
                        minimum: 0
                      digest:
                        description: XXH64 of the sample's bytes.
                        type: string
                      sqnr_db: { type: number }
                      flipped: { type: boolean }
            ReportSeries:
              description: |
                A percentile is there only when the timings support it, p50 from 11, p90 from 64, p95 from 130, p99 from
                662.
              type: object
              additionalProperties: false
              required: [timings, runs_per_timing, min_ms, mean_ms]
              properties:
                timings:
                  type: integer
                  minimum: 0
                runs_per_timing:
                  type: integer
                  minimum: 0
                min_ms: { type: number }
                mean_ms: { type: number }
                p50_ms: { type: number }
                p90_ms: { type: number }
                p95_ms: { type: number }
                p99_ms: { type: number }
            ReportLatency:
              description: Both models timed in rounds of random order.
              type: object
              additionalProperties: false
              required:
                - fp32
                - int8
                - speedup
                - speedup_interval
                - noise_floor
                - stability
                - drift
                - rounds
                - warmup_runs
                - threads
                - seconds
                - conditions
                - notes
              properties:
                fp32: { $ref: '#/components/schemas/ReportSeries' }
                int8: { $ref: '#/components/schemas/ReportSeries' }
                distribution:
                  description: How often which latency was seen, in bins of one width.
                  type: object
                  additionalProperties: false
                  required: [from_ms, bin_ms, fp32, int8, fp32_above, int8_above]
                  properties:
                    from_ms: { type: number }
                    bin_ms: { type: number }
                    fp32:
                      type: array
                      items:
                        type: integer
                        minimum: 0
                    int8:
                      type: array
                      items:
                        type: integer
                        minimum: 0
                    fp32_above:
                      description: Beyond the last bin.
                      type: integer
                      minimum: 0
                    int8_above:
                      type: integer
                      minimum: 0
                speedup:
                  description: Median of FP32 over median of INT8.
                  type: number
                speedup_interval: { $ref: '#/components/schemas/Interval' }
                undisturbed_speedup:
                  description: |
                    2nd percentile of FP32 over that of INT8: what the fastest runs say, which other work on the machine disturbs
                    least. Where it contradicts `speedup`, the verdict on speed is `unclear`.
                  type: number
                noise_floor:
                  description: FP32 against itself; 95 % of random halvings of its timings differ by at most this share.
                  type: number
                stability:
                  description: |
                    How alike the medians of consecutive windows are; `disturbed` when other workers of the server ran meanwhile.
                  type: string
                  enum: [stable, drifting, unstable, disturbed]
                drift: { type: number }
                rounds:
                  type: integer
                  minimum: 0
                warmup_runs:
                  type: integer
                  minimum: 0
                threads:
                  type: integer
                  minimum: 0
                seconds: { type: number }
                conditions:
                  type: object
                  additionalProperties: false
                  required: [cores]
                  properties:
                    cores:
                      type: integer
                      minimum: 0
                    steal_share:
                      type: number
                      minimum: 0
                      maximum: 1
                    busy_share:
                      type: number
                      minimum: 0
                      maximum: 1
                    other_share:
                      description: Share of processor time in use by anything but this measurement.
                      type: number
                      minimum: 0
                      maximum: 1
                    load_before: { type: number }
                    load_after: { type: number }
                    throttled_share:
                      type: number
                      minimum: 0
                      maximum: 1
                    neighbours:
                      description: |
                        What the server's other workers did while this one measured; all are held still, inspections for a few
                        seconds at most. Absent without a server.
                      type: object
                      additionalProperties: false
                      required: [conversions, inspections, waited_seconds]
                      properties:
                        conversions:
                          description: Other jobs that ran nevertheless.
                          type: integer
                          minimum: 0
                        inspections:
                          description: Inspections of uploads, and lints, that ran nevertheless.
                          type: integer
                          minimum: 0
                        waited_seconds:
                          description: How long the measurements waited for their turn.
                          type: number
                          minimum: 0
                notes:
                  type: array
                  items:
                    type: string
            ReportCoverage:
              description: What runs in integers, counted in the graph that the engine makes of the artifact.
              type: object
              additionalProperties: false
              required: [operators, integer_nodes, float_nodes, other_nodes, conversions, float_reasons]
              properties:
                operators:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, kind, count]
                    properties:
                      name: { type: string }
                      kind:
                        type: string
                        enum: [integer, float, other]
                      count:
                        type: integer
                        minimum: 0
                integer_nodes:
                  type: integer
                  minimum: 0
                float_nodes:
                  type: integer
                  minimum: 0
                other_nodes:
                  type: integer
                  minimum: 0
                node_share:
                  type: number
                  minimum: 0
                  maximum: 1
                conversions:
                  type: integer
                  minimum: 0
                macs:
                  type: integer
                  minimum: 0
                mac_share:
                  type: number
                  minimum: 0
                  maximum: 1
                float_reasons:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [node, name, reason]
                    properties:
                      node: { type: string }
                      name: { type: string }
                      reason: { type: string }
                      mac_share:
                        type: number
                        minimum: 0
                        maximum: 1
            ReportPlan:
              description: The plan in numbers; the plan itself is a document of its own.
              type: object
              additionalProperties: false
              required: [quantized_activations, quantized_weights, kept_float]
              properties:
                quantized_activations:
                  type: integer
                  minimum: 0
                quantized_weights:
                  type: integer
                  minimum: 0
                kept_float:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, reason]
                    properties:
                      name: { type: string }
                      reason: { type: string }
                layers:
                  description: The noisiest first.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [node, sqnr_db]
                    properties:
                      node: { type: string }
                      sqnr_db:
                        description: This layer alone in integers.
                        type: number
                      accumulated_sqnr_db:
                        description: The same output with all layers in integers.
                        type: number
                      weight_sqnr_db:
                        description: Of the weight alone, float against what its integers stand for. Absent when nothing differs.
                        type: number
                      place:
                        description: Place among the model's nodes.
                        type: integer
                        minimum: 0
                dead_channels:
                  description: Layers with output channels that carry nothing; none when no channel is dead.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [node, channels, zero_weights]
                    properties:
                      node: { type: string }
                      channels:
                        type: integer
                        minimum: 0
                      zero_weights:
                        description: Channels whose weights are all 0.
                        type: integer
                        minimum: 0
                      constant_outputs:
                        description: |
                          Channels, the former included, whose float output was one value throughout the samples that layer errors
                          are measured on (sixteen at most), before any activation. Absent for layers that were not looked at.
                        type: integer
                        minimum: 0
                ranges:
                  description: In the model's order.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [tensor, low, high]
                    properties:
                      tensor: { type: string }
                      low: { type: number }
                      high: { type: number }
                      clipped_share:
                        description: |
                          Share of the values seen in calibration that lie beyond the range by more than half a step. Absent for
                          tensors that were not watched.
                        type: number
                        minimum: 0
                        maximum: 1
                record: { $ref: '#/components/schemas/Recipe' }
            Recipe:
              description: Everything that a job asks for beyond the model and the samples.
              type: object
              additionalProperties: false
              required: [target, scheme, options]
              properties:
                target: { $ref: '#/components/schemas/Target' }
                scheme: { $ref: '#/components/schemas/Scheme' }
                options: { $ref: '#/components/schemas/Options' }
                gate: { $ref: '#/components/schemas/Gate' }
                objective: { $ref: '#/components/schemas/Objective' }
            ReportFile:
              type: object
              additionalProperties: false
              properties:
                name: { type: string }
                digest: { $ref: '#/components/schemas/Digest' }
                bytes: { $ref: '#/components/schemas/Bytes' }
            ReportIdentity:
              description: What went in and what came out.
              type: object
              additionalProperties: false
              required:
                - job
                - attempt
                - model
                - calibration
                - artifact
                - recipe
                - engine
                - engine_version
                - octavo_version
                - kernels
                - seed
                - created
              properties:
                job: { type: string }
                attempt:
                  type: integer
                  minimum: 0
                model: { $ref: '#/components/schemas/ReportFile' }
                calibration: { $ref: '#/components/schemas/ReportFile' }
                evaluation: { $ref: '#/components/schemas/ReportFile' }
                artifact: { $ref: '#/components/schemas/ReportFile' }
                recipe: { $ref: '#/components/schemas/Recipe' }
                engine: { type: string }
                engine_version: { type: string }
                octavo_version: { type: string }
                kernels: { type: string }
                seed:
                  type: integer
                  minimum: 0
                created: { $ref: '#/components/schemas/Time' }
            ReportEnvironment:
              description: The machine that the numbers come from.
              type: object
              additionalProperties: false
              required: [architecture, flags, logical_cores, usable_cores, hypervisor]
              properties:
                architecture: { type: string }
                processor: { type: string }
                flags:
                  type: array
                  items:
                    type: string
                logical_cores:
                  type: integer
                  minimum: 0
                physical_cores:
                  type: integer
                  minimum: 0
                numa_nodes:
                  type: integer
                  minimum: 0
                usable_cores:
                  type: integer
                  minimum: 0
                cgroup_cpu_quota: { type: number }
                cgroup_memory_bytes: { $ref: '#/components/schemas/Bytes' }
                memory_bytes: { $ref: '#/components/schemas/Bytes' }
                kernel: { type: string }
                libc: { type: string }
                governor: { type: string }
                turbo: { type: boolean }
                smt: { type: boolean }
                microcode: { type: string }
                hypervisor: { type: boolean }
            ReportSearch:
              description: |
                Which artifacts were weighed against each other, what was measured of each, and why one of them was delivered. Absent
                where the recipe left nothing to choose.
              type: object
              additionalProperties: false
              required: [objective, samples, candidates, layers]
              properties:
                objective: { $ref: '#/components/schemas/Objective' }
                samples:
                  description: Calibration samples that the candidates' `sqnr_db` was measured on.
                  type: integer
                  minimum: 0
                candidates:
                  description: FP32, then the others in the order in which they were made.
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [name, form, float, bytes, identical, chosen, reason]
                    properties:
                      name: { type: string }
                      form:
                        type: string
                        enum: [float32, integer, weight-only, dynamic, blockwise-8, blockwise-4]
                      float:
                        description: |
                          Nodes put back to float for speed or for the gate, as patterns: given as `options.exclude` they make this
                          artifact again.
                        type: array
                        items:
                          type: string
                      bytes:
                        description: Size of the file without what the delivered one says of its origin.
                        $ref: '#/components/schemas/Bytes'
                      speedup:
                        description: Over FP32, in a short race; absent when it was not timed against FP32.
                        type: number
                      speedup_interval: { $ref: '#/components/schemas/Interval' }
                      sqnr_db:
                        description: |
                          The lowest of the judged tensors against FP32; absent when it was not measured, or when nothing differs.
                        type: number
                      identical:
                        description: Whether the judged tensors are FP32's to the bit.
                        type: boolean
                      drop:
                        description: In the gate's metric; absent when the gate did not measure this one.
                        type: number
                      met: { type: boolean }
                      optimal:
                        description: |
                          Whether it lies on the frontier: no other is at least as good in speed, size and likeness and better in one of
                          them. Absent when one of the three was not measured.
                        type: boolean
                      chosen: { type: boolean }
                      reason:
                        description: How the choice fell, in words.
                        type: string
                layers:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [node, macs]
                    properties:
                      node: { type: string }
                      output_sqnr_db: { type: number }
                      macs:
                        type: integer
                        minimum: 0
            Report:
              description: |
                What a job says about its artifact. Names are stable within one version of the schema, new ones may come;
                what was not measured is absent.
              type: object
              additionalProperties: false
              required: [schema, verdict, identity, split, size, memory, environment, stages, findings]
              properties:
                schema:
                  type: string
                  const: octavo-report/1
                verdict:
                  type: object
                  additionalProperties: false
                  required: [line, speed, quality, deploy_for_speed]
                  properties:
                    line: { type: string }
                    speed:
                      type: string
                      enum: [faster, slower, same, unclear, unmeasured]
                    quality:
                      type: string
                      enum: [labelled, fidelity, calibration-fidelity, unmeasured]
                    deploy_for_speed: { type: boolean }
                identity: { $ref: '#/components/schemas/ReportIdentity' }
                split:
                  type: object
                  additionalProperties: false
                  required: [calibration_samples, evaluation_samples, held_out, labels]
                  properties:
                    calibration_samples:
                      type: integer
                      minimum: 0
                    evaluation_samples:
                      type: integer
                      minimum: 0
                    held_out: { type: boolean }
                    overlap:
                      type: integer
                      minimum: 0
                    labels:
                      type: integer
                      minimum: 0
                accuracy: { $ref: '#/components/schemas/ReportAccuracy' }
                accuracy_absence: { type: string }
                detection: { $ref: '#/components/schemas/ReportDetection' }
                fidelity: { $ref: '#/components/schemas/ReportFidelity' }
                fidelity_absence: { type: string }
                latency: { $ref: '#/components/schemas/ReportLatency' }
                latency_absence: { type: string }
                gate: { $ref: '#/components/schemas/ReportGate' }
                search: { $ref: '#/components/schemas/ReportSearch' }
                size: { $ref: '#/components/schemas/ReportSize' }
                memory:
                  type: object
                  additionalProperties: false
                  required: [phases]
                  properties:
                    peak_rss_bytes: { $ref: '#/components/schemas/Bytes' }
                    phases:
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [stage, peak_rss_bytes]
                        properties:
                          stage: { $ref: '#/components/schemas/Stage' }
                          peak_rss_bytes: { $ref: '#/components/schemas/Bytes' }
                    fp32_inference_bytes:
                      description: What a session takes at its peak over loading and the first runs; growth of the resident size.
                      type: integer
                      minimum: 0
                    int8_inference_bytes: { $ref: '#/components/schemas/Bytes' }
                    inference_absence: { type: string }
                load:
                  description: Milliseconds from file to session, and for the first inference.
                  type: object
                  additionalProperties: false
                  properties:
                    fp32_ms: { type: number }
                    int8_ms: { type: number }
                    fp32_first_run_ms: { type: number }
                    int8_first_run_ms: { type: number }
                    fp32_cold_ms:
                      description: From a file that is not in memory.
                      type: number
                    int8_cold_ms: { type: number }
                    cold_absence: { type: string }
                coverage: { $ref: '#/components/schemas/ReportCoverage' }
                plan: { $ref: '#/components/schemas/ReportPlan' }
                calibration:
                  type: object
                  additionalProperties: false
                  required: [samples_in_set, samples_used, duplicates, arrays, findings]
                  properties:
                    samples_in_set:
                      type: integer
                      minimum: 0
                    samples_used:
                      type: integer
                      minimum: 0
                    duplicates:
                      type: integer
                      minimum: 0
                    arrays:
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [name, type, shape]
                        properties:
                          name: { type: string }
                          type: { $ref: '#/components/schemas/ElementType' }
                          shape:
                            type: array
                            items:
                              type: integer
                          minimum: { type: number }
                          maximum: { type: number }
                    findings:
                      type: array
                      items:
                        $ref: '#/components/schemas/Finding'
                    convergence:
                      description: How the ranges of the model's tensors settled while calibration went on.
                      type: object
                      additionalProperties: false
                      required: [tensors, points, moving]
                      properties:
                        tensors: { type: integer }
                        points:
                          description: What part of its final range a tensor had after so many samples.
                          type: array
                          items:
                            type: object
                            additionalProperties: false
                            required: [samples, mean, least]
                            properties:
                              samples: { type: integer }
                              mean: { type: number }
                              least: { type: number }
                        moving:
                          description: Tensors whose range grew by more than 5 % over the second half of the samples.
                          type: integer
                        expected_growth:
                          description: By what part of it one more sample can be expected to widen a range.
                          type: number
                    statistics:
                      description: |
                        Where the ranges come from: a calibration pass of this job, or that of an earlier one (`reused`), which is then
                        listed at `/v1/models/{id}/statistics` under the same key.
                      type: object
                      additionalProperties: false
                      required: [source, key]
                      properties:
                        source:
                          type: string
                          enum: [measured, reused]
                        key: { $ref: '#/components/schemas/Digest' }
                    distance:
                      description: How far the evaluation samples lie from the calibration samples, as the model gets them.
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [array, beyond]
                        properties:
                          array: { type: string }
                          mean_shift:
                            description: Difference of the means of the samples' means, over their standard deviation.
                            type: number
                          spread_ratio:
                            description: Mean of the samples' standard deviations, evaluation over calibration.
                            type: number
                          beyond:
                            description: Share of the evaluation samples with values outside the calibration set's range.
                            type: number
                portability:
                  type: object
                  additionalProperties: false
                  required: [measured_with_vnni, note]
                  properties:
                    measured_with_vnni: { type: boolean }
                    saturating_layers:
                      type: integer
                      minimum: 0
                    note: { type: string }
                    target: { $ref: '#/components/schemas/Target' }
                    method:
                      description: How the layers were counted.
                      type: string
                    layers:
                      description: |
                        The layers in which sums of two products can exceed 16 bits on x86-64 processors without VNNI, and those that
                        were given 7-bit weights so that none can; the worst first.
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [node, channels, of_channels, pairs, of_pairs, repaired]
                        properties:
                          node: { type: string }
                          channels:
                            description: Output channels with a pair of weights that can saturate.
                            type: integer
                            minimum: 0
                          of_channels:
                            type: integer
                            minimum: 0
                          pairs:
                            type: integer
                            minimum: 0
                          of_pairs:
                            type: integer
                            minimum: 0
                          expected_share:
                            description: Share of output values expected to change.
                            type: number
                          repaired: { type: boolean }
                    processors:
                      description: What happens on which kind of processor.
                      type: array
                      items:
                        type: object
                        additionalProperties: false
                        required: [name, effect]
                        properties:
                          name: { type: string }
                          effect: { type: string }
                reproduces: { $ref: '#/components/schemas/Reproduction' }
                environment: { $ref: '#/components/schemas/ReportEnvironment' }
                stages:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [stage, seconds]
                    properties:
                      stage: { $ref: '#/components/schemas/Stage' }
                      seconds: { type: number }
                findings:
                  type: array
                  items:
                    $ref: '#/components/schemas/Finding'
            Deletion:
              type: object
              additionalProperties: false
              required: [id, freed_bytes]
              properties:
                id: { type: string }
                freed_bytes: { $ref: '#/components/schemas/Bytes' }
            Problem:
              description: RFC 9457.
              type: object
              additionalProperties: false
              required: [type, title, status, detail, code, trace_id]
              properties:
                type: { type: string, pattern: '^urn:octavo:problem:[a-z0-9-]+$' }
                title: { type: string }
                status: { type: integer }
                detail: { type: string }
                instance:
                  description: The path of the request; absent when the request could not be read.
                  type: string
                code:
                  description: Stable, for programs.
                  type: string
                  pattern: ^[a-z0-9-]+$
                errors:
                  type: array
                  items:
                    type: object
                    additionalProperties: false
                    required: [pointer, detail]
                    properties:
                      pointer:
                        description: JSON pointer into the body, or the name of a parameter or part.
                        type: string
                      detail: { type: string }
                trace_id:
                  description: From `traceparent`, or made here; the server's log has it too.
                  type: string

        """#
}
