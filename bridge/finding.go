package bridge

// Verdict is what a check comes to. The set is closed.
type Verdict string

// The verdicts.
const (
	VerdictOK Verdict = "ok"
	// VerdictWarning is what works and may not go on working, or not as well as it could.
	VerdictWarning Verdict = "warning"
	// VerdictFailure is what keeps the bridge from its promises.
	VerdictFailure Verdict = "failure"
	// VerdictSkipped is what could not be told, or is not in question here: Found says which.
	VerdictSkipped Verdict = "skipped"
)

// Finding is what one check of the bridge's surroundings found. It holds no secret and no event content.
type Finding struct {
	// Name is the check's, the same in every version: scripts go by it.
	Name   string  `json:"name"`
	Status Verdict `json:"status"`
	// Found is what there is; Why what depends on it; Remedy what to do, where something is to be done.
	Found  string `json:"found"`
	Why    string `json:"why,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}
