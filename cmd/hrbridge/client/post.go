package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// maxAnswer is how much of an answer is looked at. A bridge's answers are far smaller.
const maxAnswer = 64 << 10

// Options are what a Client needs to know.
type Options struct {
	// URL is where the bridge takes deliveries of the source.
	URL string
	// Header is the name of the header that carries the signature.
	Header string
	// Connections is how many there are at most.
	Connections int
	// Timeout is how long to wait for an answer.
	Timeout time.Duration
}

// Client posts deliveries to a bridge. Its methods may be called concurrently.
type Client struct {
	http        *http.Client
	url, header string
}

// New makes a Client.
func New(o Options) *Client {
	return &Client{url: o.URL, header: o.Header, http: &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			MaxConnsPerHost:     o.Connections,
			MaxIdleConnsPerHost: o.Connections,
			DisableCompression:  true,
		},
		// A redirect would turn the delivery into a GET: it is an answer like any other that is not 2xx.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes the connections that nothing is under way on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Post sends one delivery and reads the answer.
func (c *Client) Post(ctx context.Context, d Delivery) Outcome {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(d.Body))
	if err != nil {
		return Outcome{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if d.Signature != "" {
		req.Header.Set(c.header, d.Signature)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Outcome{Err: err, Took: time.Since(began)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Outcome{Err: err, Took: time.Since(began)}
	}
	return Outcome{Answer: readAnswer(resp.StatusCode, resp.Header, body), Took: time.Since(began)}
}
