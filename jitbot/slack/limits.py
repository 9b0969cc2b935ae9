"""Slack's numbers, each with the page it was read from; nothing we draw goes beyond them."""

# https://docs.slack.dev/reference/block-kit/blocks
MESSAGE_BLOCKS = 50
MODAL_BLOCKS = 100
SECTION_TEXT = 3000
CONTEXT_TEXT = 2000
BLOCK_ID = 255

# https://docs.slack.dev/reference/block-kit/block-elements
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
OPTION_TEXT = 75
OPTION_VALUE = 150
SELECT_OPTIONS = 100
PLACEHOLDER = 150
INPUT_LABEL = 2000
INPUT_HINT = 2000
TEXT_INPUT = 3000

# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30

# https://docs.slack.dev/surfaces/modals
VIEW_TITLE = 24
VIEW_BYTES = 250_000
PRIVATE_METADATA = 3000

# https://docs.slack.dev/reference/methods/chat.update: `msg_too_long` above; chat.postMessage takes more, but one
# drawing must do for both.
MESSAGE_TEXT = 4000

# https://docs.slack.dev/apis/web-api/rate-limits: calls a minute for the whole workspace
UPDATES_A_MINUTE = 50
RATE_WINDOW_SECONDS = 60.0
POSTS_PER_CHANNEL_A_SECOND = 1.0

# https://docs.slack.dev/interactivity/handling-user-interaction
ACK_SECONDS = 3.0

# https://docs.slack.dev/authentication/verifying-requests-from-slack
SIGNATURE_SECONDS = 300

# Ours: Slack publishes no size for rich text, only `msg_blocks_too_long`; what we put on one card stays well below.
CARD_REASON = 900
CARD_PLAN = 600
CARD_DIFF = 1500
CARD_VALUE = 160
CARD_VALUES = 1200
CARD_OUTCOME = 300
PIECE = 2800
REVIEW_PIECES = 60
PINGS = 10
BODY_BYTES = 1_048_576
