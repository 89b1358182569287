"""`python -m tests.e2e.kill_point_server ARGUMENTS`: the program, which dies at a kill point."""

from tests.e2e.kill_points import arm_from_environment

if __name__ == "__main__":
    arm_from_environment()
    # Not before: nothing may keep the function that was replaced.
    from outbound_sms.cli.main import main

    main()
