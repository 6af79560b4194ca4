package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hrbridge/bridge"
)

// The names of the checks of this machine, in the order in which they are reported.
const (
	checkSecrets    = "secrets"
	checkAdmin      = "admin.listen"
	checkSizes      = "limits.sizes"
	checkFiles      = "limits.files"
	checkClock      = "clock"
	checkFolder     = "data_dir"
	checkFileSystem = "data_dir.filesystem"
	checkRoom       = "data_dir.room"
	checkSpool      = "spool"
	checkSync       = "data_dir.sync"
)

// Quick makes the checks of this machine that cost nothing: those for every start.
func Quick(o Options) []bridge.Finding {
	findings := []bridge.Finding{o.secrets(), o.admin(), o.sizes(), o.files(), o.clock(time.Now())}
	findings = append(findings, o.folder()...)
	return append(findings, o.spool())
}

// Local makes all checks of this machine. It writes a file into the data folder and removes it again.
func Local(o Options) []bridge.Finding { return append(Quick(o), o.sync()) }

// admin is about who can reach the second listener.
func (o Options) admin() bridge.Finding {
	f := bridge.Finding{
		Name: checkAdmin, Status: bridge.VerdictOK, Found: o.AdminListen + " can be reached from this machine only",
		Why: "the admin listener asks nobody who he is",
	}
	host, _, err := net.SplitHostPort(o.AdminListen)
	ip, notIP := netip.ParseAddr(host)
	if err != nil || notIP == nil && !ip.Unmap().IsLoopback() || notIP != nil && !strings.EqualFold(host, "localhost") {
		f.Status, f.Found = bridge.VerdictWarning, o.AdminListen+" can be reached from other machines"
		f.Remedy = "set admin.listen to 127.0.0.1:8081, or see that only probes and the scraper reach it (a network policy, a firewall)"
	}
	return f
}

// sizes is about what can come in at all; whether the broker takes it is the publisher's to say.
func (o Options) sizes() bridge.Finding {
	l := o.Limits
	inHeader := int64(l.MaxHeader) / 4 * 3 // of base64
	f := bridge.Finding{
		Name: checkSizes, Status: bridge.VerdictOK,
		Found: fmt.Sprintf("a body of %s, an event of %s; a document in a signature header of %s", mebibytes(l.MaxBody), mebibytes(int64(l.MaxEvent)), mebibytes(inHeader)),
		Why:   "a delivery past a limit is answered 413 or 431 each time that it is sent",
	}
	var small []string
	for _, s := range o.Sources {
		if s.HeaderOnly && inHeader < int64(l.MaxEvent) {
			small = append(small, s.Name)
		}
	}
	if small != nil {
		f.Status = bridge.VerdictWarning
		f.Found = fmt.Sprintf("the source %s takes documents in the signature header only, which holds %s; an event may be %s", strings.Join(small, ", "), mebibytes(inHeader), mebibytes(int64(l.MaxEvent)))
		f.Remedy = fmt.Sprintf("raise limits.max_header to %d", int64(l.MaxEvent)/3*4+4096)
	}
	return f
}

// spareFiles are what a bridge opens beside the connections of senders: listeners, the broker's connections, probes, its store.
const spareFiles = 512

// files is about the connections that the limit on open files leaves room for.
func (o Options) files() bridge.Finding {
	f := bridge.Finding{
		Name: checkFiles, Status: bridge.VerdictOK,
		Why: "a connection is an open file: past the limit none is accepted, and the store cannot open its own",
	}
	var rlimit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &rlimit); err != nil {
		f.Status, f.Found = bridge.VerdictSkipped, "cannot be told: "+err.Error()
		return f
	}
	limit := uint64(rlimit.Cur) //nolint:unconvert // it has another type on other systems
	f.Found = fmt.Sprintf("this process may open %d files, for limits.max_connections %d", limit, o.Limits.MaxConnections)
	want := uint64(o.Limits.MaxConnections)
	remedy := fmt.Sprintf("raise the limit to %d or more (ulimit -n, LimitNOFILE in systemd, ulimits in a container), or lower limits.max_connections", want+spareFiles)
	switch {
	case limit < want:
		f.Status, f.Remedy = bridge.VerdictFailure, remedy
	case limit < want+spareFiles:
		f.Status, f.Remedy = bridge.VerdictWarning, remedy
	}
	return f
}

// written is when this was: no clock that is right shows an earlier time.
func written() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

// clock is about whether the time can be right.
func (o Options) clock(now time.Time) bridge.Finding {
	f := bridge.Finding{
		Name: checkClock, Status: bridge.VerdictOK, Found: "it is " + now.UTC().Format(time.RFC3339),
		Why: "events are stamped with it, and certificates are held against it",
	}
	const remedy = "set the clock, and let NTP keep it"
	if now.Before(written()) {
		f.Status, f.Found, f.Remedy = bridge.VerdictFailure, f.Found+", which was before this version was made", remedy
	}
	if info, err := os.Stat(o.DataDir); err == nil && info.ModTime().After(now.Add(time.Minute)) {
		f.Status, f.Remedy = bridge.VerdictWarning, remedy
		f.Found = fmt.Sprintf("it is %s, and %s was last changed at %s: the clock was put back", now.UTC().Format(time.RFC3339), o.DataDir, info.ModTime().UTC().Format(time.RFC3339))
	}
	return f
}

// mebibytes is a number of bytes for people.
func mebibytes(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
