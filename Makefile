# Thali's commands. `make up` is the one to begin with; `make` alone lists them all.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help init up down web web-figures logs watch invoke demo test costs lint docs-check format deploy createsuperuser

PYTHON := $(CURDIR)/.venv/bin/python
STACK := $(PYTHON) infra/local/stack.py
# The stack's state; a relative path is below this directory.
export THALI_LOCAL ?= .local
# Tools that are not on the machine are kept in .venv and, where cargo builds them, in a cache
# that checkouts share.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/thali
export PATH := $(CACHE)/tools/bin:$(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# The template has loops, which SAM reads when it is asked to.
export SAM_CLI_ENABLE_LANGUAGE_EXTENSIONS := 1

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Ports: THALI_PORT=8080 THALI_AWS_PORT=4566 THALI_REDIS_PORT=6390 THALI_SANDBOX_PORT=8090"
	@echo "  State: THALI_LOCAL=.local"

init: ## Install what the stack needs: a C compiler, .venv, Redis, Node
	@infra/local/install.sh

up: init ## Set up, build, start and seed everything; or update what runs
	@$(STACK) up

down: ## Stop what `make up` started; the data stays
	@if [ -x $(PYTHON) ]; then $(STACK) down; fi

web: init ## Develop the web app at http://localhost:5173 on the stack of `make up`, with live reload
	@. $(THALI_LOCAL)/stack.env 2>/dev/null || { echo 'First `make up`.' >&2; exit 1; }; \
	THALI_API="$$API_URL" npm --prefix functions/web run --silent dev

web-figures: init ## Print what the web app's first pages cost, on the stack of `make up` (THALI_RUNS=5)
	@THALI_STACK_ENV="$$(realpath $(THALI_LOCAL))/stack.env" npm --prefix functions/web run --silent figures

logs: ## Follow the functions' logs (FUNCTION=login for one)
	@$(STACK) logs $(FUNCTION)

watch: ## Serve every endpoint at http://127.0.0.1:9000 on the stack of `make up`, with reload
	@cargo lambda watch --invoke-address 127.0.0.1 --env-file $(THALI_LOCAL)/functions.env

invoke: ## Run FUNCTION=mailer here with events/mailer.json, on the stack of `make up`
	@$(STACK) invoke $(or $(FUNCTION),$(error FUNCTION=… is needed))

demo: ## Play the story against the running stack
	@$(PYTHON) infra/local/demo.py

# The tests' stack is fresh, on free ports, and gone afterwards whatever happens. What can be
# done at the same time is: installing tools and compiling, deploying and compiling the tests.
test: init ## Run all tests, the deployed stack's too (TESTS=… passes arguments to nextest)
	@infra/local/install.sh test & tools=$$!; \
	trap "kill $$tools 2>/dev/null || true" EXIT; trap 'exit 130' INT TERM; \
	$(PYTHON) infra/local/web.py & app=$$!; \
	cargo build --workspace --bins; \
	wait $$tools; wait $$app
	@npm --prefix functions/web run --silent test
	@stack=; trap 'kill $$stack 2>/dev/null || true; wait || true; $(STACK) --test down >/dev/null' EXIT; \
	trap 'exit 130' INT TERM; \
	$(STACK) --test up --no-build & stack=$$!; \
	cargo nextest run --workspace --no-run; \
	wait $$stack; \
	THALI_STACK_ENV="$$(realpath $(THALI_LOCAL))/test/stack.env" THALI_PYTHON=$(PYTHON) \
		THALI_SCHEMATHESIS=$(CURDIR)/.local/tools/contract/bin/schemathesis \
		THALI_NEWMAN=$(CURDIR)/.local/tools/newman/node_modules/.bin/newman \
		cargo nextest run --workspace $(TESTS)

costs: init ## Print what requests cost at DynamoDB: requests, write and read units
	@cargo test --quiet --package thali-tests --test thali api::costs:: -- --nocapture

lint: ## Formatting, clippy, the web app, documentation, links, dependencies, the templates
	cargo fmt --all --check
	@infra/local/install.sh lint & tools=$$!; \
	trap "kill $$tools 2>/dev/null || true" EXIT; trap 'exit 130' INT TERM; \
	set -x; \
	cargo clippy --workspace --all-targets -- -D warnings; \
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet; \
	wait $$tools; \
	npm --prefix functions/web run --silent lint
	$(MAKE) --no-print-directory docs-check
	cargo deny --log-level error check bans licenses sources
	infra/local/advisories.sh
	cargo machete
	for template in template.yaml infra/monitoring.yaml; do \
		AWS_DEFAULT_REGION=ap-south-1 sam validate --lint --template-file $$template; \
	done

docs-check: ## Find broken links and anchors in README.md and docs/, offline
	@infra/local/install.sh docs
	.local/tools/docs/node_modules/.bin/remark --rc-path .local/tools/docs/package.json --frail \
		--quiet --no-stdout README.md docs

format: init ## Format the code
	cargo fmt --all
	npm --prefix functions/web run --silent format

# `make deploy` builds for arm64, shows what would change and asks whether to deploy it; YES=1 does
# not ask. Parameters that it is not given keep their values, at first their defaults:
#
#   make deploy STACK_NAME=thali STAGE=prod SENDER=no-reply@example.org
#
# Before the first deployment of a stage:
#   thali keys init --stage prod               the signing keys
#   aws secretsmanager create-secret --name thali/prod/razorpay --secret-string \
#       '{"key_id":"…","key_secret":"…","webhook_secrets":"…"}'
#   aws sesv2 create-email-identity --email-identity example.org
#
# Anything else is a parameter of template.yaml, in PARAMETERS='RedisUrl=rediss://… LogRetentionDays=90'.
# ALARM_TOPIC=arn:aws:sns:… is told of the alarms, which are in a stack of their own.
STACK_NAME ?= thali
STAGE ?= dev
deploy: ## Build for AWS (arm64) and deploy to the account of your credentials
	@infra/local/package.sh arm64
	@# Not echoed: a parameter may hold a password.
	@sam deploy --template-file template.yaml --stack-name $(STACK_NAME) \
		--resolve-s3 --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
		$(if $(YES),--no-confirm-changeset,--confirm-changeset) --parameter-overrides Stage=$(STAGE) \
		RazorpaySecretId=thali/$(STAGE)/razorpay Architecture=arm64 \
		$(if $(SENDER),SenderAddress=$(SENDER)) $(PARAMETERS)
	@api="$$(aws cloudformation describe-stacks --stack-name $(STACK_NAME) --output text \
		--query "Stacks[0].Outputs[?OutputKey=='ApiId'].OutputValue")"; \
	sam deploy --template-file infra/monitoring.yaml --stack-name $(STACK_NAME)-monitoring \
		--resolve-s3 --no-fail-on-empty-changeset --parameter-overrides Stack=$(STACK_NAME) \
		ApiId="$$api" $(if $(ALARM_TOPIC),AlarmTopicArn=$(ALARM_TOPIC))

createsuperuser: ## Make an owner of a mess on the running stack: MESS=… EMAIL=… NAME=…
	@$(STACK) thali owner create --mess "$(or $(MESS),mess_demo)" \
		--email "$(or $(EMAIL),$(error EMAIL=… is needed))" --name "$(or $(NAME),$(EMAIL))"
