package doctor

import (
	"testing"
	"time"

	"hrbridge/bridge"
)

func TestAFileSystemThatDoesNotKeepWhatIsSyncedIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	const ext4 = 0xef53
	for kind, want := range map[int64]bridge.Verdict{
		ext4: bridge.VerdictOK, tmpfs: bridge.VerdictFailure, overlayfs: bridge.VerdictWarning, nfs: bridge.VerdictWarning,
	} {
		f := kept("/data", kind)
		if f.Status != want || (f.Remedy == "") != (want == bridge.VerdictOK) {
			t.Errorf("%x: %+v", kind, f)
		}
	}
}

func TestATimeBeforeThisVersionIsNoTime(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: t.TempDir()}
	if f := o.clock(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)); f.Status != bridge.VerdictWarning && f.Status != bridge.VerdictFailure {
		t.Errorf("%+v", f)
	}
	if f := (Options{DataDir: "/nowhere"}).clock(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)); f.Status != bridge.VerdictFailure || f.Remedy == "" {
		t.Errorf("%+v", f)
	}
}
