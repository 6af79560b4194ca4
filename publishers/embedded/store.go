package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hrbridge/bridge"
)

// StoreOptions are what a Store needs to know.
type StoreOptions struct {
	// DataDir is the folder that the store lives in, and nothing else; one process at a time may use it.
	DataDir string
	// Name is what texts call the store, such as "the spool".
	Name string
	// Stream is the name of the stream that holds the records.
	Stream string
	// MaxBytes is the most that the records may take.
	MaxBytes int64
	// MaxRecord is the largest record, in bytes.
	MaxRecord int
	// MinFree is how much of the disk stays free: with less, nothing is appended. MinFreeKey is the setting's name, for texts.
	MinFree    int64
	MinFreeKey string
	// DiskInterval is how often free disk is looked at.
	DiskInterval time.Duration

	Log *zap.Logger
}

// Store is records in the order in which they were appended, durable when Append returns, on a server in this process that
// nobody else can connect to. It takes no repeats for what they are: a record that is appended twice is there twice.
type Store struct {
	// Main is the store's purpose; Aside takes records out of its way.
	Main, Aside *Records

	host
	o    StoreOptions
	conn *natsgo.Conn
	js   jetstream.JetStream

	mute    atomic.Bool // an append got no answer since one got an answer
	closed  atomic.Bool
	closing sync.Once
	failure error // of closing

	mu    sync.Mutex
	alive context.Context // ends with the connection: nobody answers what was asked on one that is gone
	gone  context.CancelFunc
}

const (
	// storeLimit is no limit of the server's: its streams have theirs. It counts what they may take, and would not open a store
	// whose bounds were lowered.
	storeLimit = 1 << 50
	// recordSlack is what a record's message takes beside the record.
	recordSlack = 4 << 10
	// silence is how long the server may take for an append without being suspected of a dead store.
	silence = 2 * time.Second
	// askTime bounds a question to the server, in this process, that writes nothing.
	askTime = 10 * time.Second

	subjects = "$HRBRIDGE." // of the stream and its mark: no topic can have a name like that
)

// OpenStore takes the folder and starts the server in it. An error is about the environment, in one line that says what to do.
func OpenStore(ctx context.Context, o StoreOptions) (*Store, error) {
	return openStore(ctx, o, statFree)
}

func openStore(ctx context.Context, o StoreOptions, free freeSpace) (*Store, error) {
	f, err := openFolder(o.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Store{o: o, host: host{
		name: o.Name, log: o.Log, folder: f, interval: o.DiskInterval,
		disk: &disk{path: o.DataDir, op: "append to " + o.Name, minFree: o.MinFree, key: o.MinFreeKey, free: free},
	}}
	s.Main, s.Aside = &Records{s, o.Stream}, &Records{s, o.Stream + "_ASIDE"}
	s.silent = func(context.Context) bool { return s.mute.Load() }
	s.alive, s.gone = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return s, nil
}

// start starts all but the folder; after an error nothing of it runs.
func (s *Store) start(ctx context.Context) error {
	_, _ = s.disk.look() // a disk that is nearly full is a matter of Append: what is in the store can be read and removed
	a := newAccess(Options{})
	s.engine = newEngine(s.name, s.o.DataDir, a, s.o.MaxRecord+recordSlack, storeLimit, s.log)
	if err := s.engine.start(); err != nil {
		return err
	}
	if err := s.connect(ctx, a); err != nil {
		s.engine.stop()
		return fmt.Errorf("open %s in %s: %w: move %s away to go on without what it holds",
			s.name, s.o.DataDir, err, filepath.Join(s.o.DataDir, storeName))
	}
	s.begin(ctx)
	return nil
}

func (s *Store) connect(ctx context.Context, a *access) error {
	conn, err := natsgo.Connect("", natsgo.InProcessServer(s.engine), natsgo.UserInfo(bridgeUser, a.password), natsgo.Name(s.name),
		natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond), natsgo.ReconnectJitter(10*time.Millisecond, 0),
		natsgo.ReconnectBufSize(-1), natsgo.IgnoreAuthErrorAbort(),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // whoever asked is told
		natsgo.DisconnectErrHandler(func(*natsgo.Conn, error) { s.lost() }),
		natsgo.ReconnectHandler(func(*natsgo.Conn) { s.back() }),
	)
	if err != nil {
		return err
	}
	s.conn = conn
	s.js, err = jetstream.New(conn)
	if err == nil {
		err = s.provision(ctx)
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// provision makes the streams, or makes those that are there as they have to be. A bound that is lowered drops nothing of what
// is stored already.
func (s *Store) provision(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for _, r := range []*Records{s.Main, s.Aside} {
		c := s.stream(r.stream)
		c.Discard, c.MaxBytes = jetstream.DiscardNew, s.o.MaxBytes
		if _, err := s.js.CreateOrUpdateStream(ctx, c); err != nil {
			return err
		}
	}
	c := s.stream(s.markStream())
	c.Discard, c.MaxMsgs = jetstream.DiscardOld, 1
	_, err := s.js.CreateOrUpdateStream(ctx, c)
	return err
}

func (s *Store) stream(name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects + name}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		MaxBytes: -1, MaxMsgs: -1, AllowDirect: true, Duplicates: 100 * time.Millisecond,
	}
}

func (s *Store) markStream() string { return s.o.Stream + "_MARK" }

func (s *Store) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone()
}

func (s *Store) back() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alive, s.gone = context.WithCancel(context.Background())
	s.mute.Store(false)
}

// asking is ctx that ends with the connection too.
func (s *Store) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	alive := s.alive
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(alive, cancel)
	return ctx, func() { unhook(); cancel() }
}

// Ready returns nil when a record that is appended now would be stored, as far as is known without asking, or why not.
func (s *Store) Ready() error {
	switch {
	case s.closed.Load():
		return s.closedError("look at")
	case s.mute.Load():
		return &bridge.Error{Kind: bridge.KindTimeout, Op: "look at " + s.name, Err: errors.New("its store does not answer")}
	}
	if err := s.disk.room(); err != nil {
		return err
	}
	return s.sound()
}

// Close stops the server and lets go of the folder. It may be called again. Nothing may be under way.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.conn.Close()
		s.failure = s.end()
	})
	return s.failure
}
