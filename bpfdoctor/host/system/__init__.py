"""The system as it is: kernel, options, file systems, tracing, security, who we are."""
