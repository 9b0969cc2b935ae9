"""jitbot: just-in-time approval of risky operations, in Slack."""
