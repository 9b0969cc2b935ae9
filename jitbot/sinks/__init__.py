"""Where heads of the record are kept out of jitbot's reach: files, syslog, HTTP, object stores; one class for each."""
