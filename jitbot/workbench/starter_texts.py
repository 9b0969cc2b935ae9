"""What `jitbot policy new` writes: TEAM, ASKERS and APPROVERS are put in."""

POLICY = """\
# What team TEAM lets people do, and who decides. One file for each team.
# How to write policies: docs/howto/write-a-policy.md, and every key: docs/reference/policy.md
team: TEAM
channel: "#TEAM-oncall"       # where requests are shown

actions:
  TEAM-restart:                # people type: /jit TEAM-restart service=api env=prod
    title: Restart a service
    description: Ends the running processes and starts new ones.
    runner: command            # what carries it out; a list of words, no shell reads it
    with:
      argv: [/bin/echo, restart, "{service}", "{env}"]   # put your own program here; {service} is the parameter
    parameters:
      service: {type: choice, options: [api, worker]}
      env: {type: choice, options: [staging, prod]}
    risk: medium
    requesters: [group:ASKERS]       # who may ask at all
    reason: {required: true, hint: "The incident, and what you saw"}
    rules:                     # in order: the first that matches decides, and what no rule allows is refused
      - name: staging is self-serve
        when: params.env == 'staging'
        allow: true
      - name: prod needs one approval
        review: [{from: [group:APPROVERS], count: 1}]

  TEAM-admin:                  # a grant: it ends by itself
    title: Admin of the service
    description: You are admin for as long as you ask for, and no longer.
    runner: command
    with:
      argv: [/bin/echo, grant, "{login}"]
      undo_argv: [/bin/echo, revoke, "{login}"]           # how it ends
    parameters:
      login: {type: text, label: Your login, pattern: "[a-z][a-z0-9]{1,20}"}
    risk: high
    requesters: [group:ASKERS]
    timebox: {default: 30m, max: 2h}
    rules:
      - name: somebody else approves
        review: [{from: [group:APPROVERS], count: 1}]
"""

CASES = """\
# What TEAM.yml must say. Run them with: jitbot policy test
# Every rule should have a case that reaches it, and a case that shows where it ends.
people:                        # who is who in these cases only
  ann: {groups: [ASKERS]}
  bo: {groups: [APPROVERS]}
  stranger: {}

cases:
  - name: staging is self-serve
    given: {action: TEAM-restart, as: ann, params: {service: api, env: staging}}
    expect: {outcome: allow, rule: staging is self-serve}

  - name: prod asks somebody else
    given: {action: TEAM-restart, as: ann, params: {service: api, env: prod}}
    expect: {outcome: review, rule: prod needs one approval, missing: 1, approvers: [bo]}

  - name: one approval is enough for prod
    given: {action: TEAM-restart, as: ann, params: {service: api, env: prod}, approved_by: [bo]}
    expect: {outcome: allow}

  - name: whoever belongs to no group cannot ask
    given: {action: TEAM-restart, as: stranger, params: {service: api, env: staging}}
    expect: {outcome: deny, reason: Only ASKERS may ask}

  - name: nobody is admin without a second person
    given: {action: TEAM-admin, as: ann, params: {login: ann}, for: 1h}
    expect: {outcome: review, rule: somebody else approves}

  - name: admin ends after two hours at most
    given: {action: TEAM-admin, as: ann, params: {login: ann}, for: 3h}
    expect: {outcome: invalid, reason: 2h at most}
"""

SCRIPT = """\
  script: {groups: [ASKERS], kind: service}
"""

GUARDRAIL_CASE = """
  - name: scripts hold no privileges
    given: {action: TEAM-admin, as: script, params: {login: deploy}}
    expect: {outcome: deny, rule: only people hold privileges}
"""

PEOPLE = """\
# Who is who. Members are Slack user ids, e-mail addresses, or Slack user groups ("@TEAM").
groups:
  TEAM: [U0EXAMPLE1, U0EXAMPLE2, U0EXAMPLE3]     # put your own people here
  TEAM-leads: [U0EXAMPLE2, U0EXAMPLE3]
"""

GUARDRAILS = """\
# The organisation's own rules. They hold for every team, and no team can loosen them.
guardrails:
  - name: only people hold privileges
    when: requester.kind != 'person' && request.ttl > duration('0s')
    deny: Scripts and agents may not hold privileges. Ask as yourself.
"""
