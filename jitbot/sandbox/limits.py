"""Slack's numbers, each with the page it was read from.

A number that Slack publishes nowhere says so.
"""

# https://docs.slack.dev/interactivity/handling-user-interaction
ACK_SECONDS = 3.0
TRIGGER_SECONDS = 3.0
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60.0

# https://docs.slack.dev/apis/events-api
EVENT_RETRY_AFTER_SECONDS = (0.0, 60.0, 300.0)

# https://docs.slack.dev/apis/events-api/using-socket-mode
SOCKETS = 10
SOCKET_LIFE_SECONDS = 18060

# https://docs.slack.dev/reference/block-kit/blocks
BLOCKS = {"message": 50, "modal": 100, "home": 100}

# https://docs.slack.dev/surfaces/modals
VIEW_BYTES = 250_000
VIEW_STACK = 3
VIEW_TITLE = 24
PRIVATE_METADATA = 3000
CALLBACK_ID = 255
EXTERNAL_ID = 255

# https://docs.slack.dev/reference/methods/chat.postMessage
POST_TEXT = 40_000
MARKDOWN_TEXT = 12_000
ATTACHMENTS = 100

# https://docs.slack.dev/reference/methods/chat.update
UPDATE_TEXT = 4000

# https://docs.slack.dev/messaging/message-metadata: a limit exists (`metadata_too_large`), its size is not published
METADATA_BYTES = 16_000

# https://docs.slack.dev/apis/web-api/rate-limits: calls a minute. Slack tolerates bursts above; we do not.
# `sockets` is apps.connections.open: tier 1, with a burst of as many as an app may open.
TIERS = {"1": 1, "2": 20, "3": 50, "4": 100, "special": 600, "sockets": SOCKETS}
RATE_WINDOW_SECONDS = 60.0
POSTS_PER_CHANNEL_A_SECOND = 1.0
POSTS_BURST = 5  # "short bursts of more than one" is all that is published
