package doctor_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hrbridge/bridge"
	"hrbridge/cmd/hrbridge/doctor"
)

func findings() []bridge.Finding {
	return []bridge.Finding{
		{Name: "one", Status: bridge.VerdictOK, Found: "all well", Why: "not shown"},
		{Name: "two", Status: bridge.VerdictFailure, Found: "it is <broken>", Why: "it matters", Remedy: "mend it"},
		{Name: "three", Status: bridge.VerdictSkipped, Found: "cannot be told"},
		{Name: "four", Status: bridge.VerdictWarning, Found: "nearly", Why: "later", Remedy: "soon"},
	}
}

func TestTheReportForPeopleSaysWhyAndWhatToDoWhereThatIsNeeded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := doctor.NewReport(findings()).Text(&out, strings.ToUpper); err != nil {
		t.Fatal(err)
	}
	want := `ok       one                      ALL WELL
failure  two                      IT IS <BROKEN>
           why     IT MATTERS
           remedy  MEND IT
skipped  three                    CANNOT BE TOLD
warning  four                     NEARLY
           why     LATER
           remedy  SOON
of 4 checks: ok 1, warning 1, failure 1, skipped 1
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTheReportForProgramsIsReadBackAsItWas(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report := doctor.NewReport(findings())
	if err := report.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back doctor.Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, back); diff != "" {
		t.Error(diff)
	}
	if back.Status != bridge.VerdictFailure || !strings.Contains(out.String(), `"name": "two"`) {
		t.Errorf("the report is %s", out.String())
	}
}

func TestTheWorstVerdictIsTheReports(t *testing.T) {
	t.Parallel()
	for want, all := range map[bridge.Verdict][]bridge.Finding{
		bridge.VerdictOK:      {findings()[0], findings()[2]},
		bridge.VerdictWarning: {findings()[3], findings()[0]},
		bridge.VerdictFailure: findings(),
	} {
		if got := doctor.NewReport(all).Status; got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
}
