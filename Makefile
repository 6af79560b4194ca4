# The only entry: people and CI call these targets and nothing else. They need Go and make; git and a C compiler are used
# where there are any.
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s
TOOL := go tool -modfile=.ci/tools.mod
# The race detector needs cgo, and cgo a C compiler.
RACE = $(shell command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)
# A real Kafka runs on a JDK and comes through Maven.
KAFKA = $(shell command -v java >/dev/null 2>&1 && command -v mvn >/dev/null 2>&1 && echo yes)

.PHONY: help
help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/hrbridge
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/hrbridge ./cmd/hrbridge

.PHONY: run
run: build ## build, and serve with a secret and a broker of its own, to try it out
	exec bin/hrbridge serve --dev

.PHONY: test
test: ## run every test, in random order, with the race detector where there is a C compiler
	@[ -n "$(RACE)" ] || echo "no C compiler found: testing without the race detector" >&2
	@[ -n "$(KAFKA)" ] || echo "no JDK 17 and Maven found: testing without a real Kafka" >&2
	CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) -shuffle=on -timeout 30m ./...

.PHONY: kafka
kafka: ## run Apache Kafka on 127.0.0.1:9092, its data under build/, to try the bridge with (a JDK 17 and Maven)
	@mkdir -p build && go build -o build/run-kafka ./cmd/kafka && exec build/run-kafka

.PHONY: kafka-cluster
kafka-cluster: ## the same with three brokers, on 9092 to 9094
	@mkdir -p build && go build -o build/run-kafka ./cmd/kafka && exec build/run-kafka -brokers 3 -dir build/kafka-cluster

.PHONY: lint
lint: ## run the linters of .golangci.yml (the first time builds them: minutes)
	$(TOOL) golangci-lint run
	$(TOOL) golangci-lint fmt --diff

.PHONY: fuzz
fuzz: ## fuzz every Fuzz function for FUZZTIME (10s)
	@for file in $$(grep -rl '^func Fuzz' --include='*_test.go' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			echo "fuzz $$name in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## measure the parts, then the whole beside a bare loop (docs/performance.md)
	go test -run '^$$' -bench . -benchmem ./...
	go run ./cmd/bench

FAULTS_ROUNDS ?= 20
FAULTS_OUTAGE ?= 1m

.PHONY: faults
faults: ## let everything fail that can, for hours: FAULTS_ROUNDS (20) times, FAULTS_OUTAGE (1m) each (docs/faults.md)
	HRBRIDGE_FAULTS_ROUNDS=$(FAULTS_ROUNDS) HRBRIDGE_FAULTS_OUTAGE=$(FAULTS_OUTAGE) CGO_ENABLED=$(if $(RACE),1,0) \
		go test $(RACE) -count=1 -v -timeout 12h -run '^TestFault' ./cmd/hrbridge

.PHONY: check
check: ## see that formatting, modules and generated files are as committed
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted: $$unformatted; run gofmt -w" >&2; exit 1; }
	go mod tidy -diff
	go mod verify
	@# Tidied in a folder of its own: beside our code, go mod tidy would take our imports for those of the tools.
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
		cp .ci/tools.mod "$$dir/go.mod"; cp .ci/tools.sum "$$dir/go.sum"; \
		echo "go mod tidy -diff (.ci/tools.mod)"; go -C "$$dir" mod tidy -diff
	@before=$$(git status --porcelain; git diff); go generate ./...; \
		[ "$$before" = "$$(git status --porcelain; git diff)" ] || { echo "generated files were stale; commit what go generate changed" >&2; exit 1; }

.PHONY: clean
clean: ## remove what build, kafka and the tests left; the data folder stays
	rm -rf bin build
	go clean -testcache
