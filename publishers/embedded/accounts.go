package embedded

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// subscribersAccount is the account that subscribers are in. The stream is in another, the publisher's: permissions do not
// cover the reply subject of a request, and in the stream's own account a reply to an event type would be stored.
const subscribersAccount = "SUBSCRIBERS"

// What subscribers may ask of the stream's account: to find the stream, to read from it, to make consumers and to
// acknowledge; and nothing that changes or empties a stream. Their permissions say the same.
func subscriberServices() []string {
	return []string{
		"$JS.API.INFO",
		"$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.LIST",
		"$JS.API.STREAM.INFO.>",
		"$JS.API.STREAM.MSG.GET.>",
		"$JS.API.DIRECT.GET.>",
		"$JS.API.CONSUMER.>",
		"$JS.ACK.>",
		"$JS.FC.>",
	}
}

// separate makes the subscribers' account and connects it to the stream's: requests one way, events the other, and what a
// consumer pushes to an inbox.
func separate(s *server.Server, topics []string) (*server.Account, error) {
	subscribers, err := s.RegisterAccount(subscribersAccount)
	if err != nil {
		return nil, fmt.Errorf("make the subscribers' account: %w", err)
	}
	publisher := s.GlobalAccount()
	for _, service := range subscriberServices() {
		if err := publisher.AddServiceExportWithResponse(service, server.Streamed, nil); err != nil {
			return nil, fmt.Errorf("export %s to subscribers: %w", service, err)
		}
		if err := subscribers.AddServiceImport(publisher, service, service); err != nil {
			return nil, fmt.Errorf("import %s for subscribers: %w", service, err)
		}
	}
	for _, stream := range append([]string{"_INBOX.>"}, topics...) {
		if err := publisher.AddStreamExport(stream, nil); err != nil {
			return nil, fmt.Errorf("export %s to subscribers: %w", stream, err)
		}
		if err := subscribers.AddStreamImport(publisher, stream, ""); err != nil {
			return nil, fmt.Errorf("import %s for subscribers: %w", stream, err)
		}
	}
	return subscribers, nil
}
