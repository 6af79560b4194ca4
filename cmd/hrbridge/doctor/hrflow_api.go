package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// apiTime is how long HrFlow may take to answer: it calls the webhook meanwhile.
	apiTime   = 30 * time.Second
	maxAnswer = 64 << 10
	maxSaid   = 200 // bytes of what HrFlow says that are shown
)

// said is HrFlow's answer.
type said struct {
	code    int
	message string
}

func (s said) good() bool { return s.code/100 == 2 }

func (s said) refused() bool {
	return s.code == http.StatusUnauthorized || s.code == http.StatusForbidden
}

// askCheck asks HrFlow to call the address.
func (f *follow) askCheck(ctx context.Context) (said, error) {
	body, err := json.Marshal(map[string]string{"url": f.URL, "type": f.Type})
	if err != nil {
		return said{}, err
	}
	return f.ask(ctx, "webhook/check", body)
}

// askTest asks HrFlow to call the address that it has on record.
func (f *follow) askTest(ctx context.Context) (said, error) { return f.ask(ctx, "webhook/test", nil) }

func (f *follow) ask(ctx context.Context, path string, body []byte) (said, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(f.API, "/")+"/"+path, bytes.NewReader(body))
	if err != nil {
		return said{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("X-API-KEY", f.Key)
	request.Header.Set("X-USER-EMAIL", f.UserEmail)
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key is for this address only
	}
	answer, err := client.Do(request)
	if err != nil {
		return said{}, err
	}
	defer answer.Body.Close()
	var told struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	s := said{code: answer.StatusCode, message: answer.Status}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&told); err == nil && told.Code != 0 {
		s = said{told.Code, told.Message}
	} else if err != nil && s.good() {
		return said{}, errors.New("what answers is not HrFlow's API")
	}
	if f.Key != "" {
		s.message = strings.ReplaceAll(s.message, f.Key, "***")
	}
	if len(s.message) > maxSaid {
		s.message = strings.ToValidUTF8(s.message[:maxSaid], "") + "…"
	}
	return s, nil
}

// lookAtURL calls the webhook's address from here, as far as that is possible without a delivery: a bridge answers a GET with
// 405. HrFlow may see something else, so what is wrong is a warning only. It returns whether this is an address at all.
func (f *follow) lookAtURL(ctx context.Context) bool {
	const why = "HrFlow has to get through to this address: DNS, TLS, proxies and the path"
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		f.hint = "give the address that HrFlow calls, such as https://hooks.example.org/webhooks/" + f.Source
		f.fail(checkURL, "--url is no address of a webhook", why, f.hint)
		return false
	}
	status, allow, err := f.get(ctx)
	switch {
	case err != nil:
		var found string
		found, f.hint = addressTrouble(err)
		f.warn(checkURL, found+", seen from here", why, f.hint)
	case status == http.StatusNotFound:
		f.hint = "let the path end in /webhooks/" + f.Source + ", and see that the proxy in front forwards it as it is"
		f.warn(checkURL, "nothing is at this path: it answers 404", why, f.hint)
	case status != http.StatusMethodNotAllowed || !strings.Contains(allow, http.MethodPost):
		f.hint = "see what answers there: a bridge would answer a GET with 405 and Allow: POST"
		f.warn(checkURL, fmt.Sprintf("what answers a GET with %d there is not a bridge", status), why, f.hint)
	case !strings.HasSuffix(u.Path, "/"+f.Source):
		f.warn(checkURL, "a bridge answers there, and the path does not end in the source "+f.Source, why, "give the source that the address leads to with --source")
	case u.Scheme == "http":
		f.warn(checkURL, "a bridge answers there, without TLS", "personal data crosses the network in clear text", "put a proxy with a certificate in front, and give its https address to HrFlow")
	default:
		f.ok(checkURL, "a bridge answers there, with a certificate that this machine trusts")
	}
	return true
}

// get asks the address for what only a bridge answers in its way.
func (f *follow) get(ctx context.Context) (status int, allow string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("Allow"), nil
}

// addressTrouble says why an address cannot be called, and what to do.
func addressTrouble(err error) (found, remedy string) {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	timeout, isTimeout := errors.AsType[net.Error](err)
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be resolved", "make the DNS entry, and give it the time to spread"
	case errors.As(err, &name):
		return "the certificate is for another name", "have a certificate made for the address's name"
	case errors.As(err, &certificate):
		return "the certificate is not trusted: " + certificate.Err.Error(), "use a certificate of a public authority, with its whole chain, that has not run out"
	case errors.As(err, &plain), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "what answers does not speak TLS", "give TLS to the proxy in front: hrbridge itself speaks plain HTTP"
	case isTimeout && timeout.Timeout():
		return "nothing answers in time", "open the port in the firewall, or correct the address"
	}
	return "it cannot be reached", "see that something listens at the address's port and forwards to the bridge's listen address"
}
