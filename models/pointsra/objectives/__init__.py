"""The terms of the joint loss, one a file. A network is only a callable here."""
